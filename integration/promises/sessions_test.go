package promises

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var (
	_ = register("leave", leave)
	_ = register("fill", fillAlone)
)

func register(name string, f func([]string) int) bool {
	harness.Helper(name, f)
	return true
}

// A worker is a helper process that does one thing for each line that it is told, and says a line when it has.
type worker struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	errs  strings.Builder
	group string // its cgroup's directory, where the kind of session is that
}

func (w *worker) say(t *testing.T) string {
	t.Helper()
	fmt.Fprintln(w.in)
	line, err := w.out.ReadString('\n')
	if err != nil {
		t.Fatalf("worker: %v; %s", err, w.errs.String())
	}
	return strings.TrimSpace(line)
}

func (w *worker) end() {
	w.cmd.Process.Kill()
	w.cmd.Wait()
}

// A sessionKind is a value of --session and how a process comes into a session of its own.
type sessionKind struct {
	name    string
	prepare func(t *testing.T, cmd *exec.Cmd)
	enter   func(t *testing.T, w *worker)
}

func sessionKinds(t *testing.T) []sessionKind {
	none := func(*testing.T, *exec.Cmd) {}
	stay := func(*testing.T, *worker) {}
	kinds := []sessionKind{
		{"process", none, stay},
		{"sid", setsid, stay},
	}
	top := cgroupTop(t)
	if top == "" {
		t.Log("no cgroup can be made here (not root, or no hierarchy of sessions is mounted writable): --session=cgroup is not tested")
		return kinds
	}
	var made atomic.Int32
	return append(kinds, sessionKind{"cgroup", none, func(t *testing.T, w *worker) {
		w.group = filepath.Join(top, fmt.Sprintf("vanishfs-test-%d-%d", os.Getpid(), made.Add(1)))
		if err := os.Mkdir(w.group, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			w.end()
			harness.Eventually(t, "remove "+w.group, func() bool { return unix.Rmdir(w.group) == nil }, func() string { return "it is busy" })
		})
		if err := os.WriteFile(w.group+"/cgroup.procs", []byte(strconv.Itoa(w.cmd.Process.Pid)), 0); err != nil {
			t.Fatal(err)
		}
	}})
}

func setsid(_ *testing.T, cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
}

// cgroupTop is where cgroups of the hierarchy that --session=cgroup goes by can be made, or nothing.
func cgroupTop(t *testing.T) (top string) {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		switch {
		case !harness.Root() || unix.Access(m.Mountpoint, unix.W_OK) != nil:
		case m.FSType == "cgroup2":
			return m.Mountpoint
		case strings.Contains(m.VFSOptions, "name=systemd"):
			top = m.Mountpoint
		}
	}
	return top
}

// start runs a helper as u in a session of its own.
func (k sessionKind) start(t *testing.T, u harness.User, helper string, args ...string) *worker {
	t.Helper()
	w := &worker{cmd: u.As(harness.HelperCommand(helper, args...))}
	k.prepare(t, w.cmd)
	w.cmd.Stderr = &w.errs
	in, err1 := w.cmd.StdinPipe()
	out, err2 := w.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, w.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	w.in, w.out = in, bufio.NewReader(out)
	t.Cleanup(w.end)
	k.enter(t, w)
	return w
}

// onSessions runs f on a mount of the ordinary user's for each kind of session.
func onSessions(t *testing.T, flags []string, f func(t *testing.T, k sessionKind, m *harness.Mount)) {
	for _, k := range sessionKinds(t) {
		t.Run(k.name, func(t *testing.T) {
			f(t, k, harness.Start(t, harness.Ordinary(t), append([]string{"--session=" + k.name}, flags...)...))
		})
	}
}

// leave makes one of everything below the directory args[0], all names with the prefix args[1], and then waits. The
// next line has it make a file in the directory args[2].
func leave(args []string) int {
	dir, prefix, others := args[0], args[0]+"/"+args[1], args[2]
	wait := bufio.NewReader(os.Stdin)
	told := func() bool { _, err := wait.ReadString('\n'); return err == nil }
	if !told() {
		return 1
	}
	l, errListen := net.Listen("unix", prefix+"socket")
	if errListen == nil {
		l.(*net.UnixListener).SetUnlinkOnClose(false)
	}
	tmp, errTmp := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	err := errors.Join(errListen, errTmp,
		os.WriteFile(prefix+"file", make([]byte, mib), 0o600),
		os.Link(prefix+"file", prefix+"link"),
		os.MkdirAll(prefix+"dir/sub/sub", 0o700),
		os.WriteFile(prefix+"dir/sub/sub/file", []byte("x"), 0o600),
		os.Mkdir(prefix+"shared", 0o700),
		os.Symlink("x", prefix+"symlink"),
		os.Symlink(strings.Repeat("x", 1000), prefix+"long"),
		unix.Mkfifo(prefix+"fifo", 0o600),
		unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", tmp), unix.AT_FDCWD, prefix+"tmpfile", unix.AT_SYMLINK_FOLLOW),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("made")
	if !told() {
		return 0
	}
	if err := os.WriteFile(filepath.Join(dir, others, "guest"), []byte("x"), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("visited")
	told()
	return 0
}

// TestSessionLeftovers: what a session created goes with its last process, however that ends, and nothing else
// does; an open file goes on working; a directory that holds files of others stays.
func TestSessionLeftovers(t *testing.T) {
	for _, k := range sessionKinds(t) {
		t.Run(k.name, func(t *testing.T) {
			harness.OnPlanes(t, []string{"--session=" + k.name, "--size=64MiB"}, k.checkLeftovers)
		})
	}
}

func (k sessionKind) checkLeftovers(t *testing.T, m *harness.Mount) {
	if got := m.Status(t).Session; !strings.HasPrefix(got, k.name+":") {
		t.Errorf("status says session %q", got)
	}
	a := k.start(t, m.User, "leave", m.Dir, "a-", "")
	b := k.start(t, m.User, "leave", m.Dir, "b-", "a-shared")
	a.say(t)
	b.say(t)
	b.say(t)
	m.Do(t, func() {
		fd, err := unix.Open(m.Dir+"/a-file", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if !check(t, "open", err) {
			return
		}
		defer unix.Close(fd)
		all := list(t, m.Dir)
		a.end()
		want := append(only(all, "b-"), "a-shared")
		waitList(t, m.Dir, want)
		check(t, "the file of another session in the directory", unix.Access(m.Dir+"/a-shared/guest", unix.F_OK))
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || st.Size != mib {
			t.Errorf("fstat of the open file: %v, size %d", err, st.Size)
		}
		buf := make([]byte, 5)
		_, errW := unix.Pwrite(fd, []byte("works"), mib)
		_, errR := unix.Pread(fd, buf, mib)
		if errW != nil || errR != nil || string(buf) != "works" {
			t.Errorf("the open file: write %v, read %v %q", errW, errR, buf)
		}
		b.in.Close() // its own end
		b.cmd.Wait()
		waitList(t, m.Dir, []string{"a-shared"})
		if left := list(t, m.Dir+"/a-shared"); len(left) > 0 {
			t.Errorf("left in the directory: %v", left)
		}
		check(t, "rmdir", unix.Rmdir(m.Dir+"/a-shared"))
	})
	waitEmpty(t, m)
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, "readdir", err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func only(names []string, prefix string) (some []string) {
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			some = append(some, n)
		}
	}
	return some
}

// waitList waits for dir to hold these names and no others, to readdir and to lookups: the kernel is told of a removal
// a moment after it.
func waitList(t *testing.T, dir string, want []string) {
	t.Helper()
	before := list(t, dir)
	var got, found []string
	harness.Eventually(t, "the leftovers are gone", func() bool {
		got, found = list(t, dir), nil
		for _, n := range before {
			if exists(t, dir+"/"+n) {
				found = append(found, n)
			}
		}
		slices.Sort(got)
		slices.Sort(found)
		slices.Sort(want)
		return slices.Equal(got, want) && slices.Equal(found, want)
	}, func() string { return fmt.Sprint("listed ", got, ", found ", found, ", want ", want) })
}

// TestSessionGoesOn: the end of one process of a POSIX session or cgroup is not the end of the session.
func TestSessionGoesOn(t *testing.T) {
	onSessions(t, nil, func(t *testing.T, k sessionKind, m *harness.Mount) {
		if k.name == "process" {
			k.checkChild(t, m)
			return
		}
		w := k.start(t, m.User, "leave", m.Dir, "w-", "")
		w.say(t)
		// Another session that begins later and ends shows that the watcher has been around.
		other := k.start(t, m.User, "leave", m.Dir, "o-", "")
		other.say(t)
		other.end()
		m.Do(t, func() {
			goes(t, "other", m.Dir+"/o-file")
			stays(t, "the session goes on", m.Dir+"/w-file")
		})
		w.end()
		m.Do(t, func() { goes(t, "session", m.Dir+"/w-file") })
	})
}

// checkChild: with --session=process, a child's files go at its end, and its parent's stay.
func (k sessionKind) checkChild(t *testing.T, m *harness.Mount) {
	t.Helper()
	m.Sh(t, `
		: > "$D/parent"
		sh -c ': > "$D/child"; [ -e "$D/child" ]'
		for i in $(seq 2000); do [ -e "$D/child" ] || break; sleep 0.01; done
		[ ! -e "$D/child" ]; [ -e "$D/parent" ]`)
	m.Do(t, func() { goes(t, "parent", m.Dir+"/parent") })
}

// fillAlone writes with args[1] writers at once until each has been told ENOSPC, on files below the directory
// args[0] whose names begin with args[2], and says how much that was and what statfs shows, in bytes.
func fillAlone(args []string) int {
	dir := args[0]
	n, _ := strconv.Atoi(args[1])
	wait := bufio.NewReader(os.Stdin)
	for {
		if _, err := wait.ReadString('\n'); err != nil {
			return 0
		}
		var total atomic.Int64
		var wg sync.WaitGroup
		var failed atomic.Bool
		for i := range n {
			wg.Go(func() {
				fd, err := unix.Open(fmt.Sprintf("%s/%s%d", dir, args[2], i), unix.O_CREAT|unix.O_TRUNC|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
				if err == nil {
					defer unix.Close(fd)
					var written int64
					written, err = writeUntilError(fd, 3*4096)
					total.Add(written)
				}
				if err != unix.ENOSPC {
					fmt.Fprintln(os.Stderr, "writer:", err)
					failed.Store(true)
				}
			})
		}
		wg.Wait()
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil || failed.Load() {
			fmt.Fprintln(os.Stderr, "statfs:", err)
			return 1
		}
		fmt.Println(total.Load(), int64(st.Blocks)*st.Bsize, int64(st.Bfree)*st.Bsize)
	}
}

// waitEmpty waits until only the top directory is left and all bytes are given back. The bytes that status shows are
// those of the caller's own session.
func waitEmpty(t *testing.T, m *harness.Mount) {
	t.Helper()
	var s harness.Status
	harness.Eventually(t, "one inode used", func() bool { s = m.Status(t); return s.InodesUsed == 1 },
		func() string { return fmt.Sprint(s.InodesUsed) })
}

// full is what fillAlone says when it has filled limit.
func full(limit int) string { return fmt.Sprint(limit, limit, 0) }

// TestSessionSize is --session-size: each session gets all of its limit and no more, at the same time as others, and
// statfs shows it; what an ended session used can be used again.
func TestSessionSize(t *testing.T) {
	onSessions(t, []string{"--session-size=2MiB", "--size=5MiB"}, func(t *testing.T, k sessionKind, m *harness.Mount) {
		for range 3 {
			var ws []*worker
			var wg sync.WaitGroup
			for i := range 2 {
				w := k.start(t, m.User, "fill", m.Dir, "4", fmt.Sprintf("w%d-", i))
				ws = append(ws, w)
				wg.Go(func() {
					fmt.Fprintln(w.in)
					if line, err := w.out.ReadString('\n'); err != nil || strings.TrimSpace(line) != full(2*mib) {
						t.Errorf("written, size and free are %q, want %q; %v; %s", line, full(2*mib), err, w.errs.String())
					}
				})
			}
			wg.Wait()
			third := k.start(t, m.User, "fill", m.Dir, "2", "third-")
			if got, want := third.say(t), fmt.Sprint(mib, 5*mib, 0); got != want {
				t.Errorf("in the mount's last MiB: %q, want %q", got, want)
			}
			for _, w := range append(ws, third) {
				w.end()
			}
			waitEmpty(t, m)
		}
	})
}

// TestUserSize is --user-size: each user gets all of it and no more, whatever others do, and df shows it to him.
func TestUserSize(t *testing.T) {
	if !harness.Root() {
		t.Skip("needs root to be two users")
	}
	for _, session := range []string{"mount", "process", "sid"} {
		t.Run(session, func(t *testing.T) {
			m := harness.Start(t, harness.Current(), "--allow-other", "--user-size=3MiB", "--size=8MiB", "--session="+session)
			users := []harness.User{harness.Current(), harness.Ordinary(t)}
			alone := sessionKind{session, setsid, func(*testing.T, *worker) {}}
			for round := range 3 {
				var ws []*worker
				var wg sync.WaitGroup
				for i := range 4 { // two processes of each
					ws = append(ws, alone.start(t, users[i%2], "fill", m.Dir, "3", fmt.Sprintf("w%d-", i)))
				}
				var written [2]atomic.Int64
				for i, w := range ws {
					wg.Go(func() {
						fmt.Fprintln(w.in)
						line, err := w.out.ReadString('\n')
						var n, size, free int64
						if _, serr := fmt.Sscan(line, &n, &size, &free); serr != nil || size != 3*mib || free != 0 {
							t.Errorf("written, size and free are %q; %v; %s", line, err, w.errs.String())
						}
						written[i%2].Add(n)
					})
				}
				wg.Wait()
				for i := range written {
					if n := written[i].Load(); n != 3*mib {
						t.Errorf("round %d: user %d wrote %d bytes, want %d", round, i, n, 3*mib)
					}
				}
				df := users[1].As(exec.Command("df", "-B1", "--output=size,used,avail", m.Dir))
				if out, err := df.Output(); err != nil || strings.Join(strings.Fields(string(out))[3:], " ") != fmt.Sprint(3*mib, 3*mib, 0) {
					t.Errorf("df: %v, %s", err, out)
				}
				for _, w := range ws {
					w.end()
				}
				if session == "mount" {
					m.Sh(t, `rm "$D"/w*`)
				}
				waitEmpty(t, m)
			}
		})
	}
}

// TestUserSizeHoles: also where a larger mount would have huge pages, a page written into a hole costs a page.
func TestUserSizeHoles(t *testing.T) {
	m := harness.Start(t, harness.Ordinary(t), "--user-size=64MiB", "--size=2GiB")
	for range 2 {
		m.Sh(t, `truncate -s 1G "$D/f"; printf x | dd of="$D/f" bs=1 seek=500000000 conv=notrunc 2> /dev/null`)
		if s := m.Status(t); s.Used != 4096 {
			t.Errorf("used %d", s.Used)
		}
		m.Sh(t, `rm "$D/f"`)
		waitUsed(t, m, 0)
	}
}

// TestUserSizeInRun: there is one user in it, so it is one more limit.
func TestUserSizeInRun(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		out, err := harness.Vanishfs(u, "run", "--user-size=2MiB", "--", "sh", "-c",
			`head -c 4194304 /dev/zero > /tmp/f; stat -c %s /tmp/f; df -B1 --output=size,used,avail /tmp | tail -1`).Output()
		if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != fmt.Sprint(2*mib, 2*mib, 2*mib, 0) {
			t.Errorf("%v, %q", err, got)
		}
	})
}

// TestSessionFlags: what makes no sense is refused in one line.
func TestSessionFlags(t *testing.T) {
	u := harness.Ordinary(t)
	dir := harness.Mkdir(t, u)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"mount", "--session-size=1MiB", dir}, "session-size needs sessions inside the mount"},
		{[]string{"mount", "--session=thread", dir}, "not one of mount, process, sid, cgroup"},
		{[]string{"mount", "-o", "session-size=1m,session=mount", dir}, "session-size needs sessions inside the mount"},
		{[]string{"run", "--session=sid", "--", "true"}, "session"},
		{[]string{"run", "--session-size=1MiB", "--", "true"}, "session-size"},
	} {
		out, err := harness.Vanishfs(u, c.args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.says) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%v: %v, %q", c.args, err, out)
		}
	}
}
