package promises

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

func TestRunExitCodes(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		notExecutable := harness.Mkdir(t, u) + "/file"
		check(t, "write", os.WriteFile(notExecutable, []byte("x"), 0o644))
		for _, c := range []struct {
			flags   []string
			command []string
			want    int
		}{
			{nil, []string{"true"}, 0},
			{nil, []string{"false"}, 1},
			{nil, []string{"sh", "-c", "exit 3"}, 3},
			{nil, []string{"sh", "-c", "exit 255"}, 255},
			{nil, []string{"/no/such/program"}, 127},
			{nil, []string{"no-such-program"}, 127},
			{nil, []string{notExecutable}, 126},
			{nil, []string{"/"}, 126},
			{nil, []string{"sh", "-c", "kill -TERM $$"}, 143},
			{nil, []string{"sh", "-c", "kill -KILL $$"}, 137},
			{nil, []string{"sh", "-c", "kill -SEGV $$"}, 139},
			{[]string{"--size=nonsense"}, []string{"true"}, 125},
			{[]string{"--no-such-flag"}, []string{"true"}, 125},
			{[]string{"--at=/no/such/directory"}, []string{"true"}, 125},
			{[]string{"--transport=pigeon"}, []string{"true"}, 125},
		} {
			s := newSession(t, u, c.flags, c.command...)
			if got := s.runCode(t); got != c.want {
				t.Errorf("run %v -- %q: exit code %d, want %d; %s", c.flags, c.command, got, c.want, s.errs.String())
			}
			if lines := strings.Count(s.errs.String(), "\n"); c.want >= 125 && c.want <= 127 && lines != 1 {
				t.Errorf("run %v -- %q: %d lines of explanation: %q", c.flags, c.command, lines, s.errs.String())
			}
		}
	})
}

// TestRunIsPrivate: an empty /tmp inside, nothing of it outside, and gone afterwards.
func TestRunIsPrivate(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		mark := fmt.Sprintf("/tmp/vanishfs-test-private-%d", os.Getpid())
		check(t, "outside file", os.WriteFile(mark, []byte("outside"), 0o644))
		defer os.Remove(mark)
		out := newSession(t, u, nil, "sh", "-ec", `ls -A /tmp; echo in > `+mark+`.in; stat -f -c %T /tmp; stat -c %a `+mark+`.in; grep -c " /tmp fuse.vanishfs " /proc/mounts; cat /tmp/.vanish/status > /dev/null`).runOutput(t)
		if out != "fuseblk\n600\n1" && out != "fuse\n600\n1" {
			t.Errorf("inside: %q", out)
		}
		if exists(t, mark+".in") {
			t.Error("what was made inside is seen outside")
		}
	})
}

func TestRunStreams(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		data := bytes.Repeat([]byte("stdin to stdout\x00\xff\n"), 200_000)
		s := newSession(t, u, nil, "sh", "-c", "tee /tmp/copy; cat /tmp/copy >&2")
		s.Stdin = bytes.NewReader(data)
		if code := s.runCode(t); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		if sha256.Sum256(s.out.Bytes()) != sha256.Sum256(data) || sha256.Sum256(s.errs.Bytes()) != sha256.Sum256(data) {
			t.Errorf("of %d bytes %d came back on stdout, %d on stderr", len(data), s.out.Len(), s.errs.Len())
		}
	})
}

func TestRunPassesDescriptors(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		r, w, err := os.Pipe()
		check(t, "pipe", err)
		file, err := os.Open("/etc/passwd")
		check(t, "open", err)
		const script = `read line <&4; echo "$line" >&3; exec ls /proc/self/fd`
		outside := u.As(exec.Command("sh", "-c", script))
		outside.ExtraFiles = []*os.File{w, file}
		want, err := outside.Output()
		check(t, "outside", err)
		_, err = file.Seek(0, io.SeekStart)
		check(t, "seek", err)
		s := newSession(t, u, nil, "sh", "-c", script)
		s.ExtraFiles = []*os.File{w, file}
		code := s.runCode(t)
		w.Close()
		got, err := io.ReadAll(r)
		if err != nil || code != 0 || !strings.HasPrefix(string(got), "root:") {
			t.Errorf("through descriptor 3: %q, %v, code %d: %s", got, err, code, s.errs.String())
		}
		if s.out.String() != string(want) {
			t.Errorf("the command has descriptors %q, outside %q", s.out.String(), want)
		}
	})
}

// TestRunKeepsIdentity: uid, groups, environment, directory, umask, limits and signal masks are those of outside.
func TestRunKeepsIdentity(t *testing.T) {
	const script = `id -u; id -g; id -ru; umask; pwd; ulimit -n; ulimit -c; grep -E "^(SigBlk|SigIgn|NoNewPrivs|Cpus_allowed):" /proc/self/status; cat /proc/self/oom_score_adj; nice; hostname; readlink /proc/self/ns/net; env | grep -v ^_= | sort`
	onRunners(t, func(t *testing.T, u harness.User) {
		s := newSession(t, u, nil, "sh", "-c", script)
		inside := s.runOutput(t)
		outside := u.As(exec.Command("sh", "-c", script))
		outside.Env, outside.Dir = s.Env, s.Dir
		out, err := outside.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		a, b := strings.Split(inside, "\n"), strings.Split(strings.TrimSpace(string(out)), "\n")
		if !slices.Equal(a, b) {
			t.Errorf("inside differs from outside:\n%s", firstDifferences(a, b))
		}
	})
}

func firstDifferences(a, b []string) (s string) {
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			s += fmt.Sprintf("inside %q, outside %q\n", x, y)
		}
	}
	return s
}

// TestRunKeepsGroups: what a supplementary group may do, it may do inside.
func TestRunKeepsGroups(t *testing.T) {
	u := harness.Ordinary(t)
	if !harness.Root() || len(u.Groups) < 2 {
		t.Log("not root: nobody to give a file to a second group")
		return
	}
	var second int
	for _, g := range u.Groups {
		if g != u.GID {
			second = g
		}
	}
	f := harness.Mkdir(t, harness.Current()) + "/group-only"
	check(t, "write", os.WriteFile(f, []byte("for the group"), 0o640))
	check(t, "chown", os.Chown(f, 0, second))
	if out := newSession(t, u, nil, "cat", f).runOutput(t); out != "for the group" {
		t.Errorf("read %q", out)
	}
}

// TestRunTmpdir: TMPDIR is changed only where it would point outside.
func TestRunTmpdir(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		for _, c := range []struct{ set, want string }{
			{"", "unset"},
			{"TMPDIR=/tmp", "/tmp"},
			{"TMPDIR=/tmp/", "/tmp/"},
			{"TMPDIR=/var/tmp", "/tmp"},
			{"TMPDIR=/dev/shm", "/tmp"},
		} {
			s := newSession(t, u, nil, "sh", "-c", `echo "${TMPDIR-unset}"; mktemp > /dev/null`)
			s.Env = slices.DeleteFunc(s.Env, func(e string) bool { return strings.HasPrefix(e, "TMPDIR=") })
			if c.set != "" {
				s.Env = append(s.Env, c.set)
			}
			if out := s.runOutput(t); out != c.want {
				t.Errorf("with %q outside it is %q inside, want %q", c.set, out, c.want)
			}
		}
	})
}

func TestRunAt(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		a, b := harness.Mkdir(t, u), harness.Mkdir(t, u)
		check(t, "outer file", os.WriteFile(a+"/outer", nil, 0o644))
		out := newSession(t, u, []string{"--at", a, "--at", b}, "sh", "-ec",
			fmt.Sprintf(`ls -A %[1]s; echo one > %[1]s/f; echo two > %[2]s/g; stat -f -c %%T %[1]s %[2]s | sort -u; grep fuse.vanishfs /proc/mounts | grep -c -e %[1]s -e %[2]s; ls -d /tmp/vanishfs-no-such || test ! -e /tmp/.vanish/status`, a, b)).runOutput(t)
		if out != "fuseblk\n2" && out != "fuse\n2" {
			t.Errorf("inside: %q", out)
		}
		if where := append(harness.Mounted(a), harness.Mounted(b)...); len(where) > 0 {
			t.Errorf("still mounted: %v", where)
		}
		if list, _ := filepath.Glob(a + "/*"); len(list) != 1 {
			t.Errorf("outside: %v", list)
		}
	})
}

// outerDir is a directory to expose, with a file f that everybody can read.
func outerDir(t *testing.T) string {
	t.Helper()
	d, err := os.MkdirTemp("/tmp", "vanishfs-expose-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(d) })
	check(t, "chmod", os.Chmod(d, 0o755))
	check(t, "write", os.WriteFile(d+"/f", []byte("outer"), 0o644))
	return d
}

func TestRunExpose(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		d := outerDir(t)
		check(t, "chown", os.Chown(d, u.UID, u.GID))
		out := newSession(t, u, []string{"--expose", d}, "sh", "-ec", fmt.Sprintf(`cat %[1]s/f; echo inner > %[1]s/g; ls /tmp | wc -l`, d)).runOutput(t)
		if out != "outer1" {
			t.Errorf("inside: %q", out)
		}
		if text, err := os.ReadFile(d + "/g"); string(text) != "inner\n" {
			t.Errorf("written through: %q, %v", text, err)
		}
	})
}

// TestRunExposeStays: what is exposed is not removed by age, nor taken along by what is.
func TestRunExposeStays(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		d := outerDir(t)
		// The kernel remembers names for a second: by the end of the second it has asked for that of d, if it has to.
		script := fmt.Sprintf(`for i in 1 2; do : > /tmp/idle; while [ -e /tmp/idle ]; do sleep 0.05; done; done; cat %s/f`, d)
		out := newSession(t, u, []string{"--expose", d, "--max-idle", "200ms"}, "sh", "-ec", script).runOutput(t)
		if out != "outer" {
			t.Errorf("inside: %q", out)
		}
	})
}

// TestRunWait: --wait waits for what the command leaves behind; without it that is ended.
func TestRunWait(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		d := harness.Mkdir(t, u)
		script := fmt.Sprintf(`mkfifo %[1]s/go; (echo ready; read x < %[1]s/go; echo late > /tmp/f; cat /tmp/f > %[1]s/done) & exit 7`, d)
		s := newSession(t, u, []string{"--wait"}, "sh", "-c", script)
		s.startReady(t, u)
		check(t, "let it go on", os.WriteFile(d+"/go", []byte("x\n"), 0))
		s.Wait()
		if code := s.ProcessState.ExitCode(); code != 7 {
			t.Errorf("exit code %d, want 7", code)
		}
		if text, err := os.ReadFile(d + "/done"); string(text) != "late\n" {
			t.Errorf("what was left behind wrote %q, %v", text, err)
		}
	})
}

// TestRunForwardsSignals: a signal for `vanishfs run` is the command's.
func TestRunForwardsSignals(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		for name, sig := range map[string]unix.Signal{"TERM": unix.SIGTERM, "INT": unix.SIGINT, "HUP": unix.SIGHUP, "USR1": unix.SIGUSR1, "QUIT": unix.SIGQUIT, "WINCH": unix.SIGWINCH} {
			s := newSession(t, u, nil, "sh", "-c", `trap 'echo got `+name+`; exit 9' `+name+`; echo ready; while :; do sleep 0.05; done`)
			text := s.startReady(t, u)
			check(t, "kill", s.Process.Signal(sig))
			s.Wait()
			if code := s.ProcessState.ExitCode(); code != 9 || !strings.Contains(text(), "got "+name) {
				t.Errorf("SIG%s: exit code %d, %q", name, code, text())
			}
		}
	})
}

// TestRunInRun: a session inside a session.
func TestRunInRun(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		out := newSession(t, u, nil, "sh", "-ec", fmt.Sprintf(`echo outer > /tmp/f; %s run -- sh -ec 'ls -A /tmp; echo inner > /tmp/f; exit 0'; cat /tmp/f`, harness.Program())).runOutput(t)
		if out != "outer" {
			t.Errorf("%q", out)
		}
	})
}

// TestRunStatus: the status inside is that of the session.
func TestRunStatus(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		out := newSession(t, u, []string{"--size=32MiB"}, harness.Program(), "status", "--json", "/tmp").runOutput(t)
		for _, want := range []string{`"size"`, `"used"`, `"inodes"`, `"inodes_used"`, `"permissions"`, `"remove"`, `"store"`, `"plane"`, `"transport"`, "33554432", `"owner"`, `"session"`, `"memory"`} {
			if !strings.Contains(out, want) {
				t.Errorf("no %s in %s", want, out)
			}
		}
		wantPlane := `"mediated"`
		if u.UID == 0 {
			wantPlane = `"direct"`
		}
		if !strings.Contains(out, wantPlane) {
			t.Errorf("no %s in %s", wantPlane, out)
		}
	})
}

// TestRunExposeUnsearchable: who takes the right to search a directory away loses what is in it, and nothing else.
func TestRunExposeUnsearchable(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		d := outerDir(t)
		script := fmt.Sprintf(`cat %[1]s/f; mkdir /tmp/d; chmod u-x /tmp/d; cat %[1]s/f`, d)
		out := newSession(t, u, []string{"--expose", d}, "sh", "-ec", script).runOutput(t)
		if out != "outerouter" {
			t.Errorf("inside: %q", out)
		}
	})
}
