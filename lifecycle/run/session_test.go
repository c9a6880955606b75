package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/fs/transport"
	"vanishfs/lifecycle"
)

// frontVariable holds Options for which the test binary is the front of a session.
const frontVariable = "RUN_TEST_OPTIONS"

const deadline = 20 * time.Second

func TestMain(m *testing.M) {
	lifecycle.ChildMain()
	if text := os.Getenv(frontVariable); text != "" {
		os.Unsetenv(frontVariable)
		var o Options
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			panic(err)
		}
		os.Exit(Main(o))
	}
	os.Exit(m.Run())
}

// A user is who runs a session in a test.
type user struct {
	name string
	uid  uint32
}

// forUsers runs test as root and as an ordinary user, where FUSE can be used.
func forUsers(t *testing.T, test func(t *testing.T, u user)) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become others")
	}
	dev, err := transport.OpenDevice()
	if err != nil {
		t.Skip(err)
	}
	dev.Close()
	for _, u := range []user{{"root", 0}, {"user", 65534}} {
		t.Run(u.name, func(t *testing.T) {
			if info, err := os.Stat("/dev/fuse"); u.uid != 0 && err == nil && info.Mode().Perm()&0o006 != 0o006 {
				t.Skip("/dev/fuse is for root only here; udev makes it 0666")
			}
			test(t, u)
		})
	}
}

// front prepares the front of a session that runs script; $1 is a text that marks its
// processes.
func (u user) front(t *testing.T, o Options, script string) (cmd *exec.Cmd, mark string) {
	t.Helper()
	mark = fmt.Sprintf("mark-%d-%d", os.Getpid(), time.Now().UnixNano())
	o.Argv = []string{"/bin/sh", "-c", script, "sh", mark}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("/proc/self/exe")
	if u.uid != 0 { // the binary lies where only root can go
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.uid, Groups: []uint32{}}}
	}
	cmd.Env = append(os.Environ(), frontVariable+"="+string(text))
	cmd.Dir = "/"
	t.Cleanup(func() {
		for _, pid := range marked(mark) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return cmd, mark
}

// marked lists the processes whose arguments contain mark.
func marked(mark string) (pids []int) {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range list {
		text, err := os.ReadFile(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && bytes.Contains(text, []byte(mark)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); !condition(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", deadline, what)
		}
	}
}

// output runs a session to its end.
func (u user) output(t *testing.T, o Options, script string) (code int, out, said string) {
	t.Helper()
	cmd, mark := u.front(t, o, script)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	if left := marked(mark); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestSessionExitCode(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 137, "kill -TERM $$": 143} {
			if code, _, said := u.output(t, Options{}, script); code != want || said != "" {
				t.Errorf("%s: exit code %d, want %d; said %q", script, code, want, said)
			}
		}
	})
}

// withCommand makes argv the command of a front that was prepared, found in path.
func withCommand(cmd *exec.Cmd, o Options, path string, argv ...string) {
	o.Argv = argv
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	cmd.Env = append(cmd.Env, frontVariable+"="+string(text), "PATH="+path)
}

// A directory of PATH that may not be searched has nothing in it as far as its user goes.
func TestSessionCommandNotFound(t *testing.T) {
	dir, err := os.MkdirTemp("/var/tmp", "path")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, modes := range map[string][2]os.FileMode{"locked": {0o700, 0o755}, "plain": {0o755, 0o644}, "good": {0o755, 0o755}} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, modes[0]); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "cmd"), []byte("#!/bin/sh\nexit 3\n"), modes[1]); err != nil {
			t.Fatal(err)
		}
	}
	forUsers(t, func(t *testing.T, u user) {
		for _, c := range []struct {
			path, name string
			want       int
		}{
			{dir + "/locked:/usr/bin:/bin", "no-such-command", ExitNotFound},
			{"/usr/bin:/bin:" + dir + "/locked", "no-such-command", ExitNotFound},
			{dir + "/locked", "cmd", map[bool]int{true: 3, false: ExitNotFound}[u.uid == 0]},
			{dir + "/locked:" + dir + "/good", "cmd", 3},
			{dir + "/locked:" + dir + "/plain", "cmd", map[bool]int{true: 3, false: ExitNotExecutable}[u.uid == 0]},
			{"/usr/bin:/bin", dir + "/locked/cmd", map[bool]int{true: 3, false: ExitNotExecutable}[u.uid == 0]},
		} {
			cmd, _ := u.front(t, Options{}, "")
			withCommand(cmd, Options{}, c.path, c.name)
			out, _ := cmd.CombinedOutput()
			lines := strings.Count(string(out), "\n")
			if code := cmd.ProcessState.ExitCode(); code != c.want || (lines == 1) != (code >= ExitFailed) {
				t.Errorf("PATH=%s %s: exit code %d, want %d; said %q", c.path, c.name, code, c.want, out)
			}
		}
	})
}

// Only root gives the top directory away.
func TestSessionOwner(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		for _, id := range []uint32{u.uid, 4321} {
			o := Options{Config: lifecycle.Config{UID: &id, GID: &id}}
			code, out, said := u.output(t, o, "stat -c %u:%g /tmp")
			if id == u.uid || u.uid == 0 {
				if want := fmt.Sprintf("%d:%d\n", id, id); code != 0 || out != want {
					t.Errorf("%d: exit code %d, got %q, want %q; said %q", id, code, out, want, said)
				}
			} else if code != ExitFailed || strings.Count(said, "\n") != 1 || !strings.Contains(said, "uid 4321") {
				t.Errorf("%d: exit code %d, said %q", id, code, said)
			}
		}
	})
}

func TestSessionDirectoryIsPrivateAndEmpty(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		code, out, said := u.output(t, Options{}, `ls -A /tmp; umask 0; echo x >/tmp/x && stat -c %a /tmp/x; id -u; cat /proc/self/status | grep CapEff`)
		caps, err := capabilities()
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("600\n%d\nCapEff:\t%016x\n", u.uid, caps.effective)
		if u.uid != 0 {
			want = fmt.Sprintf("600\n%d\nCapEff:\t%016x\n", u.uid, 0)
		}
		if code != 0 || out != want {
			t.Errorf("exit code %d, got %q, want %q; said %q", code, out, want, said)
		}
		if _, err := os.Stat("/tmp/x"); err == nil {
			t.Error("a file of the session is visible outside")
		}
	})
}

// Two directories are two trees with one quota.
func TestSessionAtSeveralDirectories(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		o := Options{At: []string{"/tmp", "/var/tmp"}, Config: lifecycle.Config{Size: 1 << 20}}
		code, out, said := u.output(t, o, `
			dd if=/dev/zero of=/tmp/a bs=64k count=12 2>/dev/null && echo a fits
			dd if=/dev/zero of=/var/tmp/b bs=64k count=12 2>/dev/null || echo b does not
			ls -A /tmp /var/tmp; ls -A /tmp/.. | grep -cx 0`)
		if want := "a fits\nb does not\n/tmp:\na\n\n/var/tmp:\nb\n0\n"; out != want {
			t.Errorf("exit code %d, got %q, want %q; said %q", code, out, want, said)
		}
	})
}

func TestSessionExposes(t *testing.T) {
	outer, err := os.MkdirTemp("/tmp", "expose")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(outer)
	os.Chmod(outer, 0o755)
	for name, text := range map[string]string{"dir/in": "in dir", "file": "in file"} {
		os.MkdirAll(filepath.Dir(filepath.Join(outer, name)), 0o755)
		if err := os.WriteFile(filepath.Join(outer, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	forUsers(t, func(t *testing.T, u user) {
		o := Options{Expose: []string{outer + "/dir", outer + "/file"}}
		code, out, said := u.output(t, o, fmt.Sprintf("cd %s && cat dir/in file && ls", outer))
		if want := "in dirin filedir\nfile\n"; out != want {
			t.Errorf("exit code %d, got %q, want %q; said %q", code, out, want, said)
		}
	})
}

// Descriptors reach the command at their numbers, none of ours does, and nobody else
// keeps them open.
func TestSessionDescriptors(t *testing.T) {
	const script = `ls /proc/self/fd >&4; exec 4>&-; read wait`
	native := descriptors(t, exec.Command("/bin/sh", "-c", script))
	if !strings.Contains(native, "4\n") {
		t.Fatalf("without a session there are descriptors %q", native)
	}
	forUsers(t, func(t *testing.T, u user) {
		cmd, _ := u.front(t, Options{}, script)
		if got := descriptors(t, cmd); got != native {
			t.Errorf("got descriptors %q, want %q", got, native)
		}
	})
}

// descriptors returns what cmd writes to its descriptor 4 until that is closed. Cmd
// runs until the end of its input.
func descriptors(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{nil, w} // 4; 3 is free
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	cmd.Wait()
	return string(out)
}

func TestSessionEndsWhatIsLeft(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		code, out, said := u.output(t, Options{}, `
			mkfifo /tmp/up
			setsid sh -c 'trap "echo asked; exit" TERM; echo >/tmp/up; while :; do sleep 0.01; done' sh "$1" &
			read up </tmp/up
			setsid sh -c 'trap "" TERM; echo >/tmp/up; while :; do sleep 1; done' sh "$1" &
			read up </tmp/up
			exit 5`)
		if code != 5 || out != "asked\n" {
			t.Errorf("exit code %d, out %q, said %q", code, out, said)
		}
	})
}

func TestSessionWaits(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		code, out, said := u.output(t, Options{Wait: true}, `(sleep 0.3; echo late) & exit 6`)
		if code != 6 || out != "late\n" {
			t.Errorf("exit code %d, out %q, said %q", code, out, said)
		}
	})
}

// member finds a process of the session by what it is called.
func member(front int, name string) int {
	children, err := childrenOfAll()
	if err != nil {
		return 0
	}
	for _, pid := range children[front] {
		if text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); bytes.HasPrefix(text, []byte(name+"\x00")) {
			return pid
		}
	}
	return 0
}

// Whoever is killed, nothing is left: no process, no mount, and the caller gets an exit code.
func TestSessionSurvivesNoDeath(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		for _, victims := range [][]string{
			{"command"}, {"front"}, {"daemon"}, {"init"},
			{"command", "daemon"}, {"front", "daemon"}, {"front", "init"}, {"daemon", "init"},
		} {
			t.Run(strings.Join(victims, "+"), func(t *testing.T) { u.kill(t, victims) })
		}
	})
}

// namespaceOf is a number of the mount namespace at path which no other one gets later, as it does the inode's
// (fs/nsfs.c, ns_ioctl, NS_GET_MNTNS_ID, Linux 6.11); before, it is the inode's.
func namespaceOf(path string) (id uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if id, err := unix.IoctlGetInt(int(f.Fd()), unix.NS_GET_MNTNS_ID); err == nil && strconv.IntSize == 64 {
		return uint64(id), nil
	}
	var st unix.Stat_t
	err = unix.Fstat(int(f.Fd()), &st)
	return st.Ino, err
}

func (u user) kill(t *testing.T, victims []string) {
	cmd, mark := u.front(t, Options{}, `
		setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1; done' sh "$1" &
		echo x >/tmp/x; exec sh -c 'echo $$; while :; do sleep 1; done' sh "$1" </tmp/x`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var command int
	if _, err := fmt.Fscan(out, &command); err != nil {
		t.Fatal(err)
	}
	pids := map[string]int{
		"front": cmd.Process.Pid, "command": command,
		"daemon": member(cmd.Process.Pid, daemonName), "init": member(cmd.Process.Pid, initName),
	}
	ns, err := namespaceOf(fmt.Sprintf("/proc/%d/ns/mnt", command))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range victims {
		if err := syscall.Kill(pids[v], syscall.SIGKILL); err != nil {
			t.Fatalf("kill %s %d: %v", v, pids[v], err)
		}
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(deadline):
		t.Fatal("the front has not ended")
	}
	await(t, "all processes are gone", func() bool {
		for _, pid := range pids {
			if syscall.Kill(pid, 0) == nil {
				if state, _, ok := statOf(pid); ok && state != 'Z' {
					return false
				}
			}
		}
		return len(marked(mark)) == 0
	})
	list, _ := filepath.Glob("/proc/[0-9]*/ns/mnt")
	for _, path := range list {
		if other, err := namespaceOf(path); err == nil && other == ns {
			t.Errorf("%s is still in the namespace of the session", path)
		}
	}
	code := cmd.ProcessState.ExitCode()
	if victims[0] == "command" && len(victims) == 1 && code != 137 || victims[0] != "command" && victims[0] != "front" && code != ExitFailed {
		t.Errorf("exit code %d", code)
	}
}

func TestSessionForwardsSignals(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		for _, s := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, firstRealTime + 1} {
			cmd, _ := u.front(t, Options{}, fmt.Sprintf("trap 'exit 9' %d; echo up; while :; do sleep 0.01; done", int(s)))
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if cmd.SysProcAttr == nil {
				cmd.SysProcAttr = &syscall.SysProcAttr{}
			}
			cmd.SysProcAttr.Setsid = true // no terminal, so that it is clear who sends
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			cmd.Process.Signal(s)
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 9 {
				t.Errorf("%v: exit code %d", s, code)
			}
		}
	})
}

func TestSessionStopsAndContinues(t *testing.T) {
	forUsers(t, func(t *testing.T, u user) {
		cmd, _ := u.front(t, Options{}, `echo $$; exec sleep 1000`)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var command int
		if _, err := fmt.Fscan(out, &command); err != nil {
			t.Fatal(err)
		}
		in := func(pid int, want string) func() bool {
			return func() bool {
				state, _, ok := statOf(pid)
				return ok && strings.IndexByte(want, state) >= 0
			}
		}
		front := cmd.Process.Pid
		for _, who := range []int{front, command} { // by whom it is continued
			syscall.Kill(command, syscall.SIGSTOP)
			await(t, "the front stops with the command", in(front, "T"))
			syscall.Kill(who, syscall.SIGCONT)
			await(t, "the command is continued", in(command, "S"))
			await(t, "the front is continued", in(front, "SR"))
		}
		syscall.Kill(front, syscall.SIGTERM)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 143 {
			t.Errorf("exit code %d", code)
		}
	})
}
