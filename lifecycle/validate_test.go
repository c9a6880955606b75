package lifecycle

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
	"vanishfs/lifecycle/option"
)

func TestValidate(t *testing.T) {
	mode := func(m uint32) *uint32 { return &m }
	for _, c := range []struct {
		name string
		c    Config
		want string // in the message; empty: nothing is wrong
	}{
		{"zero value", Config{}, ""},
		{"everything", Config{Size: 1, Permissions: "posix", Chmod: "keep", Remove: "close", Linger: time.Second, Session: "sid", SessionSize: 4096,
			Store: "memory", Huge: "always", Transport: "uring", Passthrough: "on", Mode: mode(0o1777)}, ""},
		{"unknown word", Config{Permissions: "none"}, `permissions "none": not one of owner, posix`},
		{"unknown transport", Config{Transport: "tcp"}, "auto, uring, dev"},
		{"negative size", Config{FileSize: -1}, "file-size -1: must not be negative"},
		{"negative time", Config{Linger: -time.Second}, "linger"},
		{"setuid root directory", Config{Mode: mode(0o4755)}, `mode "4755"`},
		{"limit of sessions that do not exist", Config{SessionSize: 1, Session: "mount"}, "session-size"},
		{"refuse nothing", Config{Chmod: "deny", Permissions: "posix"}, "chmod deny"},
		{"tiered", Config{Store: "tiered", Memory: 1 << 20, SpillDir: "/x"}, ""},
		{"negative memory", Config{Store: "tiered", Memory: -1}, "memory -1: must not be negative"},
		{"relative spill directory", Config{SpillDir: "x"}, `spill-dir "x": must be absolute`},
		{"source of two lines", Config{Source: "a\nb"}, "fsname"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.c.Validate()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v", err)
			case c.want == "":
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("got %v, want %q", err, c.want)
			case !errors.Is(err, ErrConfig):
				t.Errorf("%v is not ErrConfig", err)
			case strings.ContainsAny(err.Error(), "\n"):
				t.Errorf("%q is more than one line", err)
			}
		})
	}
}

func TestOwnerOfTopDirectory(t *testing.T) {
	id := func(n uint32) *uint32 { return &n }
	for _, c := range []struct {
		name     string
		uid      int
		c        Config
		accepted bool
	}{
		{"none", 1000, Config{}, true},
		{"himself", 1000, Config{UID: id(1000), GID: id(1001)}, true},
		{"another group of his", 1000, Config{GID: id(44)}, true},
		{"another user", 1000, Config{UID: id(1001)}, false},
		{"root", 1000, Config{UID: id(0)}, false},
		{"root's group", 1000, Config{UID: id(1000), GID: id(0)}, false},
		{"root gives to anybody", 0, Config{UID: id(1000), GID: id(1000)}, true},
	} {
		err := c.c.checkOwner(c.uid, []int{44, 1001})
		if (err == nil) != c.accepted || err != nil && strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// Whatever can be a mount option has a field, which holds values of its kind.
func TestOptionsHaveFields(t *testing.T) {
	c := NewConfig()
	fields := c.fields()
	for _, o := range option.Of(option.MountOption) {
		if fields[o.Name] == nil {
			t.Errorf("%s has no field", o.Name)
		}
		delete(fields, o.Name)
	}
	for name := range fields {
		t.Errorf("%s is no mount option", name)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	options := c.withDefaults().Options()
	again := Config{}
	if err := again.Apply(options); err != nil || !maps.Equal(again.Options(), options) {
		t.Errorf("%v became %v, %v", options, again.Options(), err)
	}
	if _, there := options["memory"]; there {
		t.Error("the memory store has an option of the tiered one")
	}
}

func TestDefaults(t *testing.T) {
	private := Config{}.withDefaults()
	if *private.Mode != 0o700 || private.Permissions != "owner" || private.Transport != "auto" || private.Source != "vanishfs" {
		t.Errorf("got %+v", private)
	}
	if shared := (Config{AllowOther: true}).withDefaults(); *shared.Mode != 0o1777 {
		t.Errorf("a shared root has mode %04o", *shared.Mode)
	}
	if o := private.treeOptions(nil, nil); !o.Private || o.AccountBytes {
		t.Errorf("got tree options %+v", o)
	}
	limited := Config{UserSize: 1}.withDefaults()
	if o := limited.treeOptions(nil, nil); !o.AccountBytes {
		t.Error("a limit for each user needs the daemon to count")
	}
	if limited.serverOptions().Passthrough {
		t.Error("passthrough although the daemon counts bytes")
	}
}

// The kind of an error survives the way from the background process.
func TestReport(t *testing.T) {
	for _, want := range []error{nil, errors.New("plain"), &Error{ErrBusy, errors.New("busy")}, &Error{ErrConfig, errors.New("config")}} {
		got := reported(t, func(socket int) error { return report(socket, want) })
		if (got == nil) != (want == nil) || got != nil && got.Error() != want.Error() {
			t.Errorf("%v became %v", want, got)
		}
		for _, k := range kinds {
			if errors.Is(got, k) != errors.Is(want, k) {
				t.Errorf("%v: errors.Is %v changed", want, k)
			}
		}
	}
	if err := reported(t, func(int) error { return nil }); err == nil {
		t.Error("a daemon that died is taken for a mount")
	}
}

// reported is what comes of what a background process says before it ends.
func reported(t *testing.T, say func(socket int) error) error {
	t.Helper()
	ours, theirs, err := process.NewSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ours)
	if err := say(theirs); err != nil {
		t.Fatal(err)
	}
	unix.Close(theirs)
	return readReport(ours)
}
