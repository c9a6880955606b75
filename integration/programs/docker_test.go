package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestDocker has a container with a vanishfs as its /tmp: a real dockerd with
// state of its own, an image made of busybox, the container's root and another user.
func TestDocker(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: no dockerd of our own")
		return
	}
	m := harness.Start(t, harness.Current(), "--allow-other", "--size=64MiB")
	d := startDocker(t)
	d.importBusybox(t)

	d.run(t, m, "0", `umask 0; echo secret > /tmp/roots; mkdir -m 777 /tmp/dir; test "$(stat -c %a /tmp/roots /tmp/dir | tr '\n' ' ')" = "600 700 "`)
	d.run(t, m, "1000", `set -e
		f=$(mktemp); echo mine > "$f"; test "$(stat -c '%a %u' "$f")" = "600 1000"
		! cat /tmp/roots 2> /dev/null; ! rm -f /tmp/roots 2> /dev/null; ! ls /tmp/dir 2> /dev/null; ! mv /tmp/roots /tmp/x 2> /dev/null
		echo named > /tmp/.vanish/new/report.csv; ls /tmp/report-*.csv > /dev/null
		ln -s roots /tmp/link; mkfifo /tmp/pipe; (echo through > /tmp/pipe &); test "$(cat /tmp/pipe)" = through
		cp /bin/busybox /tmp/busybox; /tmp/busybox true
		said=$(dd if=/dev/zero of=/tmp/big bs=1M count=100 2>&1) || true; echo "$said" | grep -q 'No space left on device'; rm /tmp/big`)
	d.run(t, m, "0", `test "$(cat /tmp/roots)" = secret; rm -rf /tmp/roots /tmp/dir`)
	// What the containers left is the mount's, and goes with it.
	if out := m.Sh(t, `ls "$D"`); !strings.Contains(out, "report-") {
		t.Errorf("the mount holds %q", out)
	}
}

type docker struct {
	dir  string
	host string
}

func startDocker(t *testing.T) *docker {
	t.Helper()
	dir := harness.Mkdir(t, harness.Current())
	d := &docker{dir, "unix://" + dir + "/sock"}
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// Without a bridge and without rules of its own it needs nothing of the machine's network.
	cmd := exec.Command("dockerd", "--host="+d.host, "--data-root="+dir+"/data", "--exec-root="+dir+"/exec", "--pidfile="+dir+"/pid",
		"--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false", "--config-file="+dir+"/none.json", "--containerd-namespace=vanishfs-test")
	if err := os.WriteFile(dir+"/none.json", []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.stop(t, cmd) })
	ready := func() bool { return d.command("version").Run() == nil }
	if !harness.Within(harness.Patience, ready) {
		text, _ := os.ReadFile(dir + "/log")
		t.Fatalf("dockerd does not answer:\n%s", text)
	}
	return d
}

// stop ends dockerd, which ends its containerd, and unmounts what it leaves mounted in its directory.
func (d *docker) stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); strings.HasPrefix(f[1], d.dir) {
			unix.Unmount(f[1], unix.MNT_DETACH)
		}
	}
}

func (d *docker) command(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", append([]string{"--host", d.host}, args...)...)
	cmd.Env = append(cmd.Environ(), "DOCKER_CONFIG="+d.dir+"/config")
	return cmd
}

// importBusybox makes an image of one static program and its names.
func (d *docker) importBusybox(t *testing.T) {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(d.dir, "image")
	script := fmt.Sprintf(`mkdir -p %[1]s/bin %[1]s/tmp %[1]s/etc; cp %[2]s %[1]s/bin/busybox; for n in $(%[2]s --list); do [ $n = busybox ] || ln -s busybox %[1]s/bin/$n; done
		echo 'root:x:0:0::/:/bin/sh' > %[1]s/etc/passwd; tar -C %[1]s -c . | docker --host %[3]s import - vanishfs-busybox`, root, busybox, d.host)
	cmd := exec.Command("sh", "-euc", script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("docker import: %v: %s", err, out)
	}
}

func (d *docker) run(t *testing.T, m *harness.Mount, user, script string) {
	t.Helper()
	out, err := d.command("run", "--rm", "--network=none", "--user="+user, "--volume="+m.Dir+":/tmp", "vanishfs-busybox", "sh", "-exc", script).CombinedOutput()
	if err != nil {
		t.Errorf("container of user %s: %v: %s", user, err, out)
	}
}
