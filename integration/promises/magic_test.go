package promises

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestMagicNames: a random name by opening a path, from any language.
func TestMagicNames(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		for _, c := range []struct{ what, script, want string }{
			{"shell", `echo hi > "$D/.vanish/new/report.csv"; cat "$D"/report-*; cd "$D"; ls`, `^hi\nreport-[0-9A-Za-z]{12}\.csv$`},
			{"no extension", `echo hi > "$D/.vanish/new/report"; cd "$D"; ls`, `^report-[0-9A-Za-z]{12}$`},
			{"three X", `echo hi > "$D/.vanish/new/aXXXb"; cd "$D"; ls`, `^a[0-9A-Za-z]{10}b$`},
			{"twelve X", `echo hi > "$D/.vanish/new/a.XXXXXXXXXXXX.log"; cd "$D"; ls`, `^a\.[0-9A-Za-z]{12}\.log$`},
			{"last run", `echo hi > "$D/.vanish/new/XXXX-XXXX"; cd "$D"; ls`, `^XXXX-[0-9A-Za-z]{10}$`},
			{"mkdir", `mkdir "$(readlink -f "$D/.vanish/new/build")"; cd "$D"; ls -p`, `^build-[0-9A-Za-z]{12}/$`},
			{"subdirectory", `mkdir "$D/s"; echo hi > "$D/s/.vanish/new/f"; cd "$D/s"; ls`, `^f-[0-9A-Za-z]{12}$`},
			{"python", `python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_CREAT|os.O_RDWR)
print(os.readlink("/proc/self/fd/%d" % fd).removeprefix(sys.argv[2] + "/"))' "$D/.vanish/new/x.bin" "$D"`, `^x-[0-9A-Za-z]{12}\.bin$`},
			{"python open", `python3 -c 'import sys; open(sys.argv[1], "w").write("hi")' "$D/.vanish/new/y"; cd "$D"; ls`, `^y-[0-9A-Za-z]{12}$`},
			{"dd", `dd if=/dev/zero of="$D/.vanish/new/z" bs=1k count=1 status=none; cd "$D"; ls`, `^z-[0-9A-Za-z]{12}$`},
		} {
			out := m.Sh(t, c.script)
			if !regexp.MustCompile(c.want).MatchString(out) {
				t.Errorf("%s: %q does not match %s", c.what, out, c.want)
			}
			m.Sh(t, `find "$D" -mindepth 1 -delete`)
		}
		m.Do(t, func() {
			f, err := os.OpenFile(m.Dir+"/.vanish/new/x", os.O_CREATE|os.O_RDWR, 0o600)
			if !check(t, "open from Go", err) {
				return
			}
			defer f.Close()
			name, err := os.Readlink("/proc/self/fd/" + itoa(f.Fd()))
			if !check(t, "readlink", err) || !regexp.MustCompile(`^x-[0-9A-Za-z]{12}$`).MatchString(filepath.Base(name)) {
				t.Errorf("the file is %s", name)
			}
		})
	})
}

func itoa(n uintptr) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// TestMagicHidden: .vanish is in every directory, in no listing and in nobody's way.
func TestMagicHidden(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			d := m.Dir + "/d"
			v := d + "/.vanish"
			check(t, "mkdir", os.Mkdir(d, 0o700))
			check(t, "a file", os.WriteFile(m.Dir+"/f", nil, 0o600))
			if list, err := os.ReadDir(d); err != nil || len(list) != 0 {
				t.Errorf("listed: %v, %v", list, err)
			}
			var st unix.Stat_t
			check(t, "lstat .vanish", unix.Lstat(v, &st))
			if st.Mode&unix.S_IFMT != unix.S_IFDIR {
				t.Errorf(".vanish has mode %#o", st.Mode)
			}
			_, exclErr := unix.Open(v, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
			_, inErr := unix.Open(v+"/x", unix.O_CREAT|unix.O_RDWR, 0o600)
			for what, err := range map[string]error{
				"mkdir": unix.Mkdir(v, 0o700), "symlink": unix.Symlink("x", v), "link": unix.Link(m.Dir+"/f", v), "create": exclErr,
				"create in it": inErr, "mkdir in it": unix.Mkdir(v+"/d", 0o700), "rmdir": unix.Rmdir(v), "unlink": unix.Unlink(v),
				"rename": unix.Rename(v, d+"/x"), "rename over it": unix.Rename(m.Dir+"/f", v), "unlink status": unix.Unlink(v + "/status"),
				"rmdir new": unix.Rmdir(v + "/new"), "rename of new": unix.Rename(v+"/new", d+"/x"), "write status": writeTo(v + "/status"),
				"mkfifo": unix.Mkfifo(v, 0o600), "rename into new": unix.Rename(m.Dir+"/f", v+"/new/x"), "create in new": unix.Mkdir(v+"/new/x", 0o700),
			} {
				if err == nil {
					t.Errorf("%s of the hidden directory succeeds", what)
				} else if errors.Is(err, unix.EIO) || errors.Is(err, unix.ENOSYS) {
					t.Errorf("%s: %v", what, err)
				}
			}
			check(t, "rmdir of the directory around it", unix.Rmdir(d))
		})
		if out := m.Sh(t, `mkdir -p "$D/a/b"; : > "$D/a/b/f"; cd "$D"; find . | sort | tr '\n' ' '; ls -A; du -a . > /dev/null; rm -rf a f`); out != ". ./a ./a/b ./a/b/f ./f a\nf" {
			t.Errorf("programs see %q", out)
		}
	})
}

func writeTo(path string) error {
	fd, err := unix.Open(path, unix.O_WRONLY, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// TestMagicNoDuplicates: a great many magic names, no two the same.
func TestMagicNoDuplicates(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		n := cycles()
		if m.User.UID != os.Getuid() || strings.Contains(t.Name(), "mediated") {
			n /= 20 // the plane is of no concern to names
		}
		var mu sync.Mutex
		seen := make(map[string]struct{}, n)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				m.Do(t, func() {
					for range n / 4 {
						name, err := os.Readlink(m.Dir + "/.vanish/new/f")
						if !check(t, "readlink", err) {
							return
						}
						mu.Lock()
						_, twice := seen[name]
						seen[name] = struct{}{}
						mu.Unlock()
						if twice {
							t.Errorf("%s was given twice", name)
							return
						}
					}
				})
			})
		}
		wg.Wait()
		if len(seen) != n/4*4 {
			t.Errorf("%d names, want %d", len(seen), n)
		}
	})
}

// TestMagicReserved: a name given to one user is refused to another for a while.
func TestMagicReserved(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: there is no second user")
		return
	}
	m := harness.Start(t, harness.Current(), "--allow-other")
	target, err := filepath.EvalSymlinks(m.Dir)
	check(t, "directory", err)
	name, err := os.Readlink(m.Dir + "/.vanish/new/mine")
	check(t, "readlink", err)
	name = filepath.Join(target, filepath.Base(name))
	harness.AsUser(t, harness.Ordinary(t), func() {
		_, exclErr := unix.Open(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
		_, createErr := unix.Open(name, unix.O_CREAT|unix.O_RDWR, 0o600)
		own := m.Dir + "/his"
		check(t, "a file of his own", os.WriteFile(own, nil, 0o600))
		for what, err := range map[string]error{
			"create exclusively": exclErr, "create": createErr, "mkdir": unix.Mkdir(name, 0o700), "symlink": unix.Symlink("/etc/passwd", name),
			"link": unix.Link(own, name), "rename": unix.Rename(own, name), "mkfifo": unix.Mkfifo(name, 0o600),
		} {
			if !errors.Is(err, unix.EEXIST) {
				t.Errorf("another user's %s: %v, want EEXIST", what, err)
			}
		}
		// His own lookup gives him his own name, which he can create.
		f, err := os.OpenFile(m.Dir+"/.vanish/new/his", os.O_CREATE|os.O_RDWR, 0o600)
		if check(t, "his own magic name", err) {
			f.Close()
		}
	})
	check(t, "create by the owner of the name", os.WriteFile(name, []byte("mine"), 0o600))
}

// TestMktemp: a drop-in for mktemp(1).
func TestMktemp(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		for _, c := range []struct{ args, want, kind string }{
			{`mktemp -p "$D"`, `/tmp\.[0-9A-Za-z]{10}$`, "regular empty file 600"},
			{`mktemp -p "$D" aXXXX.txt`, `/a[0-9A-Za-z]+\.txt$`, "regular empty file 600"},
			{`mktemp "$D/bXXXXXX"`, `/b[0-9A-Za-z]+$`, "regular empty file 600"},
			{`mktemp -d -p "$D"`, `/tmp\.[0-9A-Za-z]{10}$`, "directory 700"},
			{`mktemp -d "$D/cXXXXXX"`, `/c[0-9A-Za-z]+$`, "directory 700"},
		} {
			name := m.Sh(t, `"$VANISHFS" `+c.args)
			if !regexp.MustCompile(c.want).MatchString(name) || !strings.HasPrefix(name, m.Dir+"/") {
				t.Errorf("%s prints %q", c.args, name)
				continue
			}
			cmd := m.Command("stat", "-c", "%F %a", name)
			cmd.Env = append(cmd.Environ(), "LC_ALL=C")
			if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != c.kind {
				t.Errorf("%s: %q, %v", c.args, out, err)
			}
		}
		var exit *exec.ExitError
		out, err := m.ShCommand(`"$VANISHFS" mktemp -p "$D" nothing-to-replace`).CombinedOutput()
		if !errors.As(err, &exit) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("a template without X: %v, %q", err, out)
		}
	})
}
