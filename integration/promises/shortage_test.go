package promises

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestSessionShortage: where the daemon may have few descriptors, whoever can create files is held to his
// session's limit, and they go with it; who may raise the limit does not run short of them.
func TestSessionShortage(t *testing.T) {
	for name, u := range harness.Runners(t) {
		for _, k := range []struct{ name, start string }{{"process", ""}, {"sid", "setsid"}} {
			t.Run(name+"/"+k.name, func(t *testing.T) { sessionShortage(t, u, k.name, k.start) })
		}
		top := cgroupTop(t)
		if top == "" {
			t.Log("no cgroup can be made here: --session=cgroup is not tested")
			continue
		}
		t.Run(name+"/cgroup", func(t *testing.T) {
			dir := delegated(t, u, top)
			// The outer shell is moved into the directory by root, without which its user could not move others.
			sessionShortage(t, u, "cgroup", fmt.Sprintf(`sh -c 'mkdir %[1]s/$4; echo $$ > %[1]s/$4/cgroup.procs; exec "$@"' -`, dir),
				func(pid int) error { return os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0) })
		})
	}
}

// delegated is a new cgroup in which u may make others, and move his processes between them. The end of the test
// removes them all.
func delegated(t *testing.T, u harness.User, top string) (dir string) {
	t.Helper()
	dir = filepath.Join(top, fmt.Sprintf("vanishfs-test-%d-shortage", os.Getpid()))
	check(t, "mkdir", os.Mkdir(dir, 0o755))
	t.Cleanup(func() {
		below, _ := filepath.Glob(dir + "/*/cgroup.procs")
		for _, procs := range append(below, dir+"/cgroup.procs") {
			d := filepath.Dir(procs)
			harness.Eventually(t, "remove "+d, func() bool { return unix.Rmdir(d) == nil }, func() string { return "it is busy" })
		}
	})
	for _, path := range []string{dir, dir + "/cgroup.procs"} {
		check(t, "chown", os.Chown(path, u.UID, u.GID))
	}
	return dir
}

func sessionShortage(t *testing.T, u harness.User, kind, start string, moves ...func(pid int) error) {
	const processes = 300
	m := harness.StartAfter(t, u, "ulimit -n 256", "--session="+kind, "--session-size=64KiB")
	// Each writes 128 KiB and says what has become of it.
	script := fmt.Sprintf(`
		read go || :; one='if true > "$D/$0"; then head -c 131072 /dev/zero > "$D/$0" || :; stat -c %%s "$D/$0"; else echo refused; fi; exec sleep 1000'
		for i in $(seq %d); do %s sh -c "$one" $i < /dev/null & done; wait`, processes, start)
	cmd := m.ShCommand(script)
	cmd.Stderr = nil
	// A session of its own, to end all of them with; setsid is no other if the process leads none.
	out, err := cmd.StdoutPipe()
	check(t, "pipe", err)
	mark := "VANISHFS_TEST_SHORTAGE=" + t.Name()
	cmd.Env = append(cmd.Env, mark)
	in, err := cmd.StdinPipe()
	check(t, "pipe", err)
	check(t, "start", cmd.Start())
	for _, move := range moves {
		check(t, "move", move(cmd.Process.Pid))
	}
	check(t, "go", in.Close())
	defer func() {
		for _, pid := range harness.ProcessesWith(mark) {
			exec.Command("kill", "-9", fmt.Sprint(pid)).Run()
		}
		cmd.Wait()
	}()
	said := map[string]int{}
	for lines := bufio.NewScanner(out); total(said) < processes && lines.Scan(); {
		said[lines.Text()]++
	}
	if said["65536"]+said["refused"] != processes {
		t.Errorf("written: %v, want 65536 each or nothing", said)
	}
	raised := u.As(exec.Command("sh", "-c", "ulimit -n 256; ulimit -n 1048576")).Run() == nil
	if refused := said["refused"]; (refused == 0) != raised || said["65536"] < 100 {
		t.Errorf("of %d processes of user %d %d could create nothing", processes, u.UID, refused)
	}
	for _, pid := range harness.ProcessesWith(mark) {
		exec.Command("kill", "-9", fmt.Sprint(pid)).Run()
	}
	waitEmpty(t, m)
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// TestFewDescriptors: a limit of open files with which nothing could be created is refused at once, by name, and
// with one that is not refused files can be created.
func TestFewDescriptors(t *testing.T) {
	u := harness.Ordinary(t)
	refused, served := 0, 0
	for limit := 12; served == 0; limit++ {
		dir := harness.Mkdir(t, u)
		script := fmt.Sprintf(`ulimit -n %d; exec "$0" mount "$1"`, limit)
		out, err := u.As(exec.Command("sh", "-euc", script, harness.Program(), dir)).CombinedOutput()
		if err != nil {
			refused++
			if !strings.Contains(string(out), "ulimit -n") {
				t.Errorf("limit %d: %s", limit, out)
			}
			continue
		}
		served++
		m := harness.StartAfter(t, u, fmt.Sprintf("ulimit -n %d", limit))
		m.Sh(t, `for i in $(seq 20); do echo $i > "$D/$i"; done; cat "$D"/* > /dev/null`)
		m.Unmount(t)
		if out, err := harness.Vanishfs(u, "umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	}
	if refused == 0 {
		t.Error("no limit was refused")
	}
}

// TestRunFewDescriptors: the same of run.
func TestRunFewDescriptors(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		refused, served := 0, 0
		// Root may raise his limit again.
		for limit := 9; served == 0 && limit < 200; limit++ {
			s := newSession(t, u, nil, "sh", "-euc", `for i in $(seq 20); do echo $i > "/tmp/$i"; done; cat /tmp/* > /dev/null`)
			s.Path, s.Args = "/bin/sh", append([]string{"sh", "-euc", fmt.Sprintf(`ulimit -n %d; exec "$@"`, limit), "sh"}, s.Args...)
			if s.runCode(t) == 0 {
				served++
			} else if refused++; !strings.Contains(s.errs.String(), "ulimit -n") {
				t.Errorf("limit %d: %q", limit, s.errs.String())
			}
		}
		if served == 0 || refused == 0 {
			t.Errorf("%d refused and %d served", refused, served)
		}
	})
}
