package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A Mount is a served mount point of the built binary.
type Mount struct {
	Dir  string
	User User   // who mounted it, and who may reach it unless --allow-other
	Log  string // file with what the command and its daemon had to say
	PID  int    // the daemon

	before Status
	ended  bool // the test ended it itself
}

// Status is DIR/.vanish/status, as far as tests look at it.
type Status struct {
	Version     string `json:"version"`
	Session     string `json:"session"`
	Permissions string `json:"permissions"`
	Remove      string `json:"remove"`
	Linger      string `json:"linger"`
	Store       string `json:"store"`
	Plane       string `json:"plane"`
	Transport   string `json:"transport"`
	Size        int64  `json:"size"`
	Used        int64  `json:"used"`
	Free        int64  `json:"free"`
	Inodes      int64  `json:"inodes"`
	InodesUsed  int64  `json:"inodes_used"`
	FileSize    int64  `json:"file_size"`
	UID         int    `json:"uid"`
	PID         int    `json:"pid"`
	Memory      int64  `json:"memory"`
	MemoryUsed  int64  `json:"memory_used"`
	SpillUsed   int64  `json:"spill_used"`
	Spilled     int64  `json:"spilled"`
	Fetched     int64  `json:"fetched"`

	Options map[string]string `json:"options"`
}

// Mkdir makes a directory of u's on disk, outside every vanishfs.
func Mkdir(t testing.TB, u User) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "d-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if u.UID != os.Getuid() {
		if err := os.Chown(dir, u.UID, u.GID); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Start mounts a new directory as u and has the end of the test unmount it and
// check that nothing is left.
func Start(t testing.TB, u User, flags ...string) *Mount {
	t.Helper()
	return StartAfter(t, u, "true", flags...)
}

// StartAfter is Start from a shell that has done something before, such as to set limits.
func StartAfter(t testing.TB, u User, before string, flags ...string) *Mount {
	t.Helper()
	m := &Mount{Dir: filepath.Join(Mkdir(t, u), "mnt"), User: u}
	if out, err := u.As(exec.Command("mkdir", m.Dir)).CombinedOutput(); err != nil {
		t.Fatalf("mkdir %s: %v: %s", m.Dir, err, out)
	}
	m.Log = filepath.Join(filepath.Dir(m.Dir), "log")
	args := append(append([]string{"-euc", before + `; exec "$0" "$@"`, program, "mount"}, flags...), m.Dir)
	cmd := u.As(exec.Command("sh", args...))
	if err := runLogged(cmd, m.Log); err != nil {
		t.Fatalf("vanishfs mount %s: %v\n%s", strings.Join(flags, " "), err, m.log())
	}
	var err error
	if m.before, err = m.status(); err != nil {
		unix.Unmount(m.Dir, unix.MNT_DETACH)
		t.Fatalf("vanishfs mount returned, but: %v\n%s", err, m.log())
	}
	t.Cleanup(func() { m.finish(t) })
	m.PID = m.before.PID
	if m.PID <= 1 || !alive(m.PID) {
		t.Fatalf("status names daemon %d, which is not there", m.PID)
	}
	return m
}

// runLogged gives the command a file, not a pipe: a daemon may keep it.
func runLogged(cmd *exec.Cmd, log string) error {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	reportRaces(cmd, log)
	return cmd.Run()
}

// reportRaces has the race detector of cmd, and of what it starts, write to
// files beside log, which checkRaces looks for.
func reportRaces(cmd *exec.Cmd, log string) {
	if raceEnabled {
		cmd.Env = append(cmd.Environ(), os.ExpandEnv("GORACE=$GORACE log_path="+log+".race"))
	}
}

func (m *Mount) log() string {
	text, _ := os.ReadFile(m.Log)
	return string(text)
}

// Command is a command run by the mount's user.
func (m *Mount) Command(name string, args ...string) *exec.Cmd {
	return m.User.As(exec.Command(name, args...))
}

// Status reads DIR/.vanish/status as the mount's user.
func (m *Mount) Status(t testing.TB) Status {
	t.Helper()
	s, err := m.status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (m *Mount) status() (s Status, err error) {
	cmd := exec.Command("cat", m.Dir+"/.vanish/status")
	// In a POSIX session that this pid namespace knows: the tests' own may have begun outside, and has no id here then.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := m.User.As(cmd).CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("read status: %w: %s", err, out)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("status is not JSON: %w: %q", err, out)
	}
	return s, nil
}

// Statfs is statfs(2) of the mount; only for a mount that this process may reach.
func (m *Mount) Statfs(t testing.TB) (st unix.Statfs_t) {
	t.Helper()
	if err := unix.Statfs(m.Dir, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// Unmount ends the mount by command, as the user would.
func (m *Mount) Unmount(t testing.TB) {
	t.Helper()
	m.ended = true
	if out, err := m.User.As(exec.Command(program, "umount", m.Dir)).CombinedOutput(); err != nil {
		t.Errorf("vanishfs umount: %v: %s", err, out)
		unix.Unmount(m.Dir, unix.MNT_DETACH)
	}
	m.CheckGone(t)
}

// Ended tells the harness that the test has ended the mount in its own way.
func (m *Mount) Ended() { m.ended = true }

// Again mounts at the same place once more, over what a killed daemon left.
func (m *Mount) Again(t testing.TB, flags ...string) {
	t.Helper()
	cmd := m.User.As(exec.Command(program, append(append([]string{"mount"}, flags...), m.Dir)...))
	if err := runLogged(cmd, m.Log); err != nil {
		t.Fatalf("vanishfs mount %s again: %v\n%s", strings.Join(flags, " "), err, m.log())
	}
	m.before = m.Status(t)
	m.PID = m.before.PID
}
