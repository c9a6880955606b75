package transport

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stormVariable makes the test binary a caller that never stops, in the
// directory that it names.
const stormVariable = "VANISHFS_TEST_STORM"

func storm(dir string) {
	data := make([]byte, 200<<10)
	for i := 0; ; i++ {
		name := filepath.Join(dir, fmt.Sprintf("%d-%d", os.Getpid(), i%10))
		os.WriteFile(name, data, 0o600)
		os.ReadFile(name)
		os.Truncate(name, 10)
		os.ReadDir(dir)
		os.Rename(name, name+"x")
		os.Remove(name + "x")
	}
}

func startStorm(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), stormVariable+"="+dir)
	must(t, cmd.Start())
	return cmd
}

func end(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

// TestStorm kills callers wherever they are, over and over; every handle comes back.
func TestStorm(t *testing.T) { eachTransport(t, testStorm) }

func testStorm(t *testing.T, o Options) {
	fsys := newMemFS()
	m := mount(t, fsys, o)
	var callers [4]*exec.Cmd
	for i := range callers {
		callers[i] = startStorm(t, m.dir)
	}
	stop := time.Now().Add(1500 * time.Millisecond)
	for i := 0; time.Now().Before(stop); i++ {
		c := &callers[i%len(callers)]
		// Signals that the callers' runtime only notices, then the end.
		for range 50 {
			(*c).Process.Signal(unix.SIGURG)
		}
		<-time.After(5 * time.Millisecond)
		end(*c)
		*c = startStorm(t, m.dir)
	}
	for _, c := range callers {
		end(c)
	}
	until(t, "every handle was released", func() bool { handles, _ := fsys.owed(); return handles == 0 })
	name := filepath.Join(m.dir, "after")
	must(t, os.WriteFile(name, []byte("all is well"), 0o600))
	if got, err := os.ReadFile(name); err != nil || string(got) != "all is well" {
		t.Errorf("after the storm: %q, %v", got, err)
	}
}

// TestUnmountUnderLoad takes the mount away from callers in full swing.
func TestUnmountUnderLoad(t *testing.T) { eachTransport(t, testUnmountUnderLoad) }

func testUnmountUnderLoad(t *testing.T, o Options) {
	for range 5 {
		m := mount(t, newMemFS(), o)
		callers := []*exec.Cmd{startStorm(t, m.dir), startStorm(t, m.dir)}
		until(t, "the callers are at work", func() bool {
			names, err := os.ReadDir(m.dir)
			return err == nil && len(names) > 0
		})
		must(t, unix.Unmount(m.dir, unix.MNT_DETACH|unix.MNT_FORCE))
		m.wait(t)
		for _, c := range callers {
			end(c)
		}
		must(t, Mount(mustDevice(t), m.dir, MountOptions{})) // for the cleanup's unmount
	}
}

// TestAbortUnderLoad is the same with the daemon's own way to end, and with
// notifications that wait for the locks that the callers hold.
func TestAbortUnderLoad(t *testing.T) { eachTransport(t, testAbortUnderLoad) }

func testAbortUnderLoad(t *testing.T, o Options) {
	for range 5 {
		m := mount(t, newMemFS(), o)
		callers := []*exec.Cmd{startStorm(t, m.dir), startStorm(t, m.dir)}
		until(t, "the callers are at work", func() bool {
			names, err := os.ReadDir(m.dir)
			return err == nil && len(names) > 0
		})
		notified := make(chan error)
		go func() {
			var err error
			for err == nil {
				err = m.ExpireEntry(1, "name")
			}
			notified <- err
		}()
		m.Abort()
		m.wait(t)
		if err := <-notified; err != unix.ENOTCONN {
			t.Errorf("notify after the end: %v", err)
		}
		for _, c := range callers {
			end(c) // waits for ever if one still waits for us
		}
	}
}
