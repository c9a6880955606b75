package lifecycle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"vanishfs/fs"
	"vanishfs/fs/transport"
	"vanishfs/lifecycle/session"
)

// A caller is a process that uses a mount, which this one serves and so never touches.
type caller struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func newCaller(t *testing.T, script, dir string) *caller {
	t.Helper()
	c := &caller{Cmd: exec.Command("sh", "-euc", script, "sh", dir)}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		c.in, err = c.StdinPipe()
	}
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	t.Cleanup(func() { c.Process.Kill() })
	return c
}

// goOn has it do the next part of its script, which ends with a line.
func (c *caller) goOn(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
}

// TestMountTells: a mount says what is used, which sessions there are and what is open, and ends a session.
func TestMountTells(t *testing.T) {
	needFUSE(t)
	for _, via := range []string{"dev", "auto"} {
		for _, plane := range []string{"on", "off"} {
			c := Config{Size: 64 << 20, Session: "process", Transport: via, Passthrough: plane}
			t.Run(via+"/"+plane, func(t *testing.T) { testMountTells(t, c) })
		}
	}
	t.Run("counted", func(t *testing.T) {
		testMountTells(t, Config{Size: 64 << 20, Session: "process", SessionSize: 1 << 20})
	})
}

func testMountTells(t *testing.T, c Config) {
	dir := t.TempDir()
	m, err := Start(c, func(o transport.MountOptions) (*os.File, error) { return mountAt(dir, o) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := transport.Unmount(dir, true); err != nil {
			t.Error(err)
		}
		if err := m.Wait(); err != nil {
			t.Error(err)
		}
	})
	sh := newCaller(t, `read x; exec 3> "$1/a"; printf 12345 >&3; : > "$1/b"; echo
		read x; : > "$1/c"; echo
		read x; echo; read x`, dir)
	sh.goOn(t)
	name := fmt.Sprintf("process:%d", sh.Process.Pid)

	var open []fs.OpenFile
	await(t, "the closed file is not open", func() bool { // RELEASE is not waited for
		open = slices.Collect(m.OpenFiles())
		return len(open) == 1
	})
	if o := open[0]; o.Path != "/a" || o.Session != name || o.UID != 0 || o.Handles != 1 || o.Size != 5 {
		t.Errorf("open is %+v", o)
	}
	use, err := m.Use()
	if err != nil || use.Size != 64<<20 && c.SessionSize == 0 || use.Used != 4096 || use.InodesUsed != 3 {
		t.Errorf("used is %+v, %v", use, err)
	}
	want := session.Session{Name: name, Files: 2}
	if c.SessionSize > 0 {
		want.Bytes, want.BytesUsed = c.SessionSize, 4096
	}
	if all := slices.Collect(m.Sessions()); !slices.Equal(all, []session.Session{want}) {
		t.Errorf("sessions are %+v, want %+v", all, want)
	}

	if err := m.EndSession(name); err != nil {
		t.Error(err)
	}
	if open = slices.Collect(m.OpenFiles()); len(open) != 1 || open[0].Path != "" || open[0].Size != 5 {
		t.Errorf("after its session open is %+v", open)
	}
	if use, err := m.Use(); err != nil || use.InodesUsed != 2 {
		t.Errorf("after its session used is %+v, %v", use, err)
	}
	sh.goOn(t) // creates c
	if all := slices.Collect(m.Sessions()); len(all) != 1 || all[0].Name != name || all[0].Files != 1 {
		t.Errorf("sessions are %+v, want the same with one file", all)
	}
	sh.in.Close()
	sh.Wait()
	await(t, "its end takes the rest", func() bool {
		use, err := m.Use()
		return err == nil && use.InodesUsed == 1 && use.Used == 0 && len(slices.Collect(m.Sessions())) == 0
	})
	if err := m.EndSession(name); !errors.Is(err, ErrNoSession) {
		t.Errorf("end a session that has ended: %v", err)
	}
}
