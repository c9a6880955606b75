package promises

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// limited is the program under resource limits, in prlimit(1)'s words: --cpu=3:3. It has no race detector, which
// reserves terabytes.
func limited(u harness.User, limits []string, args ...string) *exec.Cmd {
	argv := append(append([]string{}, limits...), harness.PlainProgram())
	return u.As(exec.Command("prlimit", append(argv, args...)...))
}

// lifts says whether u may raise a hard limit. Root may not everywhere: containers take CAP_SYS_RESOURCE from it.
func lifts(t *testing.T, u harness.User) bool {
	t.Helper()
	err := u.As(exec.Command("prlimit", "--cpu=1000:1000", "prlimit", "--cpu=2000:2000", "true")).Run()
	if u.UID == 0 && err != nil {
		t.Log("root may not raise hard limits here: it is treated as an ordinary user is")
	}
	return err == nil
}

// oddLimits are one of each kind, none of them what anybody has, all of which a session works with.
var oddLimits = []string{
	"--cpu=1001:2002", "--data=30000000001:40000000001", "--fsize=500000000:600000000",
	"--memlock=65536:131072", "--nproc=9000:10000", "--rttime=7000000:8000000", "--sigpending=500:600",
	"--core=0:4096", "--stack=4194304:16777216", "--nofile=200:300", "--msgqueue=1000:2000", "--locks=100:200",
	"--nice=0:0", "--rtprio=0:0", "--rss=30000000002:40000000002", "--as=30000000000:40000000000",
}

// TestLimitsOfCommand: the command has its own limits, every one of them, whatever became of the daemon's.
func TestLimitsOfCommand(t *testing.T) {
	const show = `prlimit --noheadings --raw --output=RESOURCE,SOFT,HARD --pid $$`
	onRunners(t, func(t *testing.T, u harness.User) {
		want, err := u.As(exec.Command("prlimit", append(append([]string{}, oddLimits...), "sh", "-c", show)...)).Output()
		if err != nil || strings.Count(string(want), "\n") != 16 {
			t.Fatalf("%v: %q", err, want)
		}
		got, err := limited(u, oddLimits, "run", "--", "sh", "-c", show).Output()
		if err != nil || string(got) != string(want) {
			t.Errorf("%v\n%s", err, firstDifferences(strings.Split(string(got), "\n"), strings.Split(string(want), "\n")))
		}
	})
}

// limitsOf are those of a process as /proc/PID/limits shows them, by name.
func limitsOf(t *testing.T, pid int) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string][2]string{}
	for line := range strings.Lines(string(text)) {
		if len(line) < 60 || strings.HasPrefix(line, "Limit ") {
			continue
		}
		f := strings.Fields(line[26:])
		limits[strings.TrimSpace(line[:26])] = [2]string{f[0], f[1]}
	}
	return limits
}

// TestLimitsOfDaemon: those that would end the daemon are lifted, up to the hard limit where that is all that one may.
func TestLimitsOfDaemon(t *testing.T) {
	harmful := []string{"Max cpu time", "Max address space", "Max data size", "Max file size",
		"Max locked memory", "Max processes", "Max realtime timeout", "Max pending signals"}
	look := func(t *testing.T, lifted bool, pid int) {
		t.Helper()
		limits := limitsOf(t, pid)
		for _, name := range harmful {
			l, ok := limits[name]
			if !ok || l[0] != l[1] || lifted && l[1] != "unlimited" {
				t.Errorf("%s of process %d: %v", name, pid, l)
			}
		}
	}
	onRunners(t, func(t *testing.T, u harness.User) {
		lifted := lifts(t, u)
		s := newSession(t, u, nil, "sh", "-c", `echo ready; read end`)
		s.Cmd.Path, s.Cmd.Args = limitedPath(t), append(append([]string{"prlimit"}, oddLimits...), s.Cmd.Args...)
		s.Cmd.Args[len(oddLimits)+1] = harness.Program()
		end, err := s.StdinPipe()
		check(t, "pipe", err)
		s.startReady(t, u)
		ours := 0
		for _, pid := range harness.ProcessesWith(s.mark) {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			if n := strings.TrimSpace(string(name)); n != "sh" && n != "prlimit" {
				look(t, lifted, pid)
				ours++
			}
		}
		if ours != 3 {
			t.Errorf("%d processes of the session itself, want 3", ours)
		}
		end.Close()
		s.Wait()

		dir := harness.Mkdir(t, u)
		if out, err := limited(u, oddLimits, "mount", dir).CombinedOutput(); err != nil {
			t.Fatalf("mount: %v: %s", err, out)
		}
		status, err := u.As(exec.Command("sh", "-c", `grep -o '"pid": *[0-9]*' `+dir+`/.vanish/status | grep -o '[0-9]*'`)).Output()
		check(t, "status", err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(status)))
		check(t, "pid", err)
		look(t, lifted, pid)
		if out, err := harness.Vanishfs(u, "umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

func limitedPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("prlimit")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLimitsOutlived: a session goes on where a limit of its caller would have ended the daemon.
func TestLimitsOutlived(t *testing.T) {
	// The daemon works until it has used two seconds; no process of the command uses one.
	const busy = `d=$(grep -o '"pid": *[0-9]*' /tmp/.vanish/status | grep -o '[0-9]*')
		used() { set -- $(sed 's/.*) //' /proc/$d/stat); echo $((${12} + ${13})); }
		head -c 16777216 /dev/zero > /tmp/f
		until test $(used) -ge 200; do for i in 1 2 3 4 5 6 7 8 9 10; do dd if=/tmp/f of=/tmp/g bs=4k 2>&- & done; wait; done
		echo over`
	const write = `for i in 1 2 3; do head -c 20000000 /dev/zero > /tmp/$i || exit; done; cat /tmp/1 /tmp/2 /tmp/3 | wc -c`
	for _, c := range []struct {
		name, limit  string
		all          bool // who cannot lift it outlives it, too
		flags        []string
		script, want string
	}{
		{"CPUSoft", "--cpu=1:", true, []string{"--passthrough=off"}, busy, "over"},
		{"CPUHard", "--cpu=1:1", false, []string{"--passthrough=off"}, busy, "over"},
		{"AddressesSoft", "--as=1500000000:", true, nil, write, "60000000"},
		{"AddressesHard", "--as=1500000000:1500000000", false, nil, write, "60000000"},
		{"DataSoft", "--data=200000000:", true, nil, write, "60000000"},
		{"DataHard", "--data=200000000:200000000", false, nil, write, "60000000"},
		{"FileSizeSoft", "--fsize=30000000:", true, []string{"--store=tiered", "--memory=4MiB", "--size=128MiB"}, write, "60000000"},
		{"FileSizeHard", "--fsize=30000000:30000000", false, []string{"--store=tiered", "--memory=4MiB", "--size=128MiB"}, write, "60000000"},
		{"FileSizeMemory", "--fsize=30000000:30000000", true, []string{"--passthrough=off"}, write, "60000000"},
		{"ProcessesHard", "--nproc=20:20", false, nil, write, "60000000"},
		{"PendingSignals", "--sigpending=1:1", true, nil, write, "60000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onRunners(t, func(t *testing.T, u harness.User) {
				if !c.all && !lifts(t, u) {
					return // TestLimitsSaid
				}
				args := append(append([]string{"run"}, c.flags...), "--", "sh", "-c", c.script)
				out, err := limited(u, []string{c.limit}, args...).Output()
				if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
					t.Errorf("%v, %q, want %q", err, got, c.want)
				}
			})
		})
	}
}

// TestLimitsSaid: what an ordinary user cannot lift is said at the start, in one line that names it, or refused
// where nothing could work, for run and mount alike; and doctor says it.
func TestLimitsSaid(t *testing.T) {
	ordinary := harness.Ordinary(t)
	tiered := []string{"--store=tiered", "--memory=4MiB", "--size=128MiB", "--spill-dir=/var/tmp"}
	for _, c := range []struct {
		limit   string
		flags   []string
		refused bool
		says    string
	}{
		{"--cpu=100:100", nil, false, "ulimit -t"},
		{"--as=4000000000:4000000000", nil, false, "ulimit -v"},
		{"--as=1500000000:1500000000", nil, true, "ulimit -v"},
		{"--data=600000000:600000000", nil, false, "ulimit -d"},
		{"--data=600000000:600000000", append(tiered[:1:1], "--memory=512MiB"), true, "ulimit -d"},
		{"--data=200000000:200000000", nil, true, "ulimit -d"},
		{"--nproc=200:200", nil, false, "ulimit -u"},
		{"--nproc=50:50", nil, true, "ulimit -u"},
		{"--fsize=30000000:30000000", tiered, true, "ulimit -f"},
		{"--fsize=200000000:200000000", tiered, false, "ulimit -f"},
		{"--fsize=30000000:30000000", nil, false, ""},
		{"--cpu=100:unlimited", nil, false, ""},
		{"--core=0:0", nil, false, ""},
		{"--stack=1000000:1000000", nil, false, ""},
	} {
		u, both := ordinary, true
		if strings.HasPrefix(c.limit, "--nproc") {
			if !harness.Root() {
				continue
			}
			// Who has no other processes, but is nobody that fusermount3 knows.
			u, both = harness.User{UID: 54321, GID: 54321, Home: "/"}, false
		}
		name := strings.TrimPrefix(c.limit, "--") + strings.Join(c.flags, "")
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			dir := filepath.Join(harness.Mkdir(t, u), "mnt")
			for _, args := range [][]string{
				append(append([]string{"run"}, c.flags...), "--", "true"),
				append(append([]string{"mount"}, c.flags...), dir),
			} {
				if args[0] == "mount" && !both {
					continue
				}
				check(t, "mkdir", u.As(exec.Command("mkdir", "-p", dir)).Run())
				cmd := limited(u, []string{c.limit}, args...)
				log := filepath.Join(filepath.Dir(dir), "said")
				out, err := outputTo(cmd, log)
				if (err != nil) != c.refused || strings.Contains(out, c.says) == (c.says == "" && out != "") {
					t.Errorf("%s: %v, %q", args[0], err, out)
				}
				if lines := strings.Count(out, "\n"); c.says != "" && lines != 1 || c.says == "" && lines != 0 {
					t.Errorf("%s: %d lines: %q", args[0], lines, out)
				}
				if args[0] == "mount" && err == nil {
					if out, err := harness.Vanishfs(u, "umount", dir).CombinedOutput(); err != nil {
						t.Errorf("umount: %v: %s", err, out)
					}
				}
			}
			if len(c.flags) == 0 {
				out, _ := limited(u, []string{c.limit}, "doctor").Output()
				row := `missing  resource limits`
				if strings.Contains(string(out), row) != (c.says != "") || !strings.Contains(string(out), c.says) {
					t.Errorf("doctor: %s", out)
				}
			}
		})
	}
}

// outputTo runs cmd with its output in a file, which a daemon may keep, and returns that.
func outputTo(cmd *exec.Cmd, path string) (string, error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	err = cmd.Run()
	text, readErr := os.ReadFile(path)
	if err == nil {
		err = readErr
	}
	return string(text), err
}
