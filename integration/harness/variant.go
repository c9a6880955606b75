package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/fs/transport"
)

// A Variant is one way to have a tree to test: how it is mounted, by whom, and
// how its requests travel.
type Variant struct {
	Name  string
	User  User
	How   how
	Owner bool     // --permissions=owner, the default of the program
	Large bool     // runs the cases' full sizes; elsewhere they are scaled down
	Flags []string // of mount or run
	Plane string   // what status must say: direct, mediated
	Via   string   // what status must say: dev, uring
}

type how int

const (
	native     how = iota // a tmpfs of the kernel's: shows that the cases themselves are right
	nativeUser            // the same, as an ordinary user
	mounted               // vanishfs mount
	inRun                 // inside vanishfs run
)

// Variants is the matrix {native, root, fusermount3, user namespace} x {direct,
// mediated} x {dev, uring} x {posix, owner}, as far as the pairs exist:
// passthrough needs CAP_SYS_ADMIN in the initial user namespace (fs/fuse/backing.c,
// fuse_backing_open), so an ordinary user is always on the mediated plane.
func Variants(t testing.TB) []Variant {
	t.Helper()
	user := Ordinary(t)
	vs := []Variant{{Name: "native/user", How: nativeUser, User: user}}
	transports := []string{"dev"}
	if Uring() {
		transports = append(transports, "uring")
	} else {
		t.Log("io_uring transport not offered by this kernel: " + transport.EnableUring + " is not Y")
	}
	if Root() {
		vs = append(vs, Variant{Name: "native/root", How: native, User: Current(), Large: true})
	} else {
		t.Log("not root: the variants mounted by root, all of the direct plane among them, do not run")
	}
	for _, owner := range []bool{false, true} {
		for _, via := range transports {
			if Root() {
				vs = append(vs,
					Variant{Name: "root/direct", How: mounted, User: Current(), Owner: owner, Via: via, Plane: "direct", Large: !owner && via == "dev", Flags: []string{"--allow-other"}},
					Variant{Name: "root/mediated", How: mounted, User: Current(), Owner: owner, Via: via, Plane: "mediated", Flags: []string{"--allow-other", "--passthrough=off"}},
					Variant{Name: "root/tiered", How: mounted, User: Current(), Owner: owner, Via: via, Plane: "mediated", Flags: []string{"--allow-other", "--store=tiered", "--memory=4MiB"}},
					Variant{Name: "root/run", How: inRun, User: Current(), Owner: owner, Via: via, Plane: "direct"})
			}
			if Root() && owner == (via == "uring") { // who makes a request is found in another way, whatever else
				vs = append(vs, Variant{Name: "root/idmap", How: mounted, User: Current(), Owner: owner, Via: via, Plane: "direct", Flags: []string{"--allow-other", "--idmap"}})
			}
			vs = append(vs,
				Variant{Name: "user/fusermount", How: mounted, User: user, Owner: owner, Via: via, Plane: "mediated"},
				Variant{Name: "user/run", How: inRun, User: user, Owner: owner, Via: via, Plane: "mediated"})
		}
	}
	for i := range vs {
		vs[i].complete()
	}
	return vs
}

func (v *Variant) complete() {
	if v.How == native || v.How == nativeUser {
		return
	}
	mode := "posix"
	if v.Owner {
		mode = "owner"
	}
	v.Name += "/" + v.Via + "/" + mode
	v.Flags = append(v.Flags, "--permissions="+mode, "--transport="+v.Via, "--xattr", "--size=512MiB")
}

// Uring says that the kernel offers FUSE over io_uring.
func Uring() bool {
	text, err := os.ReadFile(transport.EnableUring)
	return err == nil && strings.TrimSpace(string(text)) == "Y"
}

// Tmpfs mounts a tmpfs of the kernel's for the length of the test. Only for root.
func Tmpfs(t testing.TB) string {
	t.Helper()
	dir := Mkdir(t, Current())
	if err := unix.Mount("vanishfs-native", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=512m,mode=1777"); err != nil {
		t.Fatalf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount tmpfs: %v", err)
		}
	})
	return dir
}

// userTmpfs is a directory of u's on a tmpfs: one that root mounts for it, or /dev/shm.
func userTmpfs(t testing.TB, u User) string {
	t.Helper()
	base := "/dev/shm"
	if Root() {
		base = Tmpfs(t)
	}
	dir, err := os.MkdirTemp(base, "vanishfs-native-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if Root() {
		if err := os.Chown(dir, u.UID, u.GID); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Inside is the command that runs test name of this binary as the variant's
// user with dir as the tree; under `vanishfs run` the tree is /tmp.
func (v Variant) inside(name, dir string) *exec.Cmd {
	args := []string{self, "-test.v", "-test.run", "^" + name + "$", "-test.timeout=9m"}
	if v.How == inRun {
		args = append(append(append([]string{program, "run"}, v.Flags...), "--"), args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), envInside+"="+dir, envVariant+"="+v.encode(), envBinary+"="+program, envSelf+"="+self)
	cmd.Dir = filepath.Dir(self)
	return v.User.As(cmd)
}
