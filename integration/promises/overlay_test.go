package promises

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// overlayScript does in an overlayfs what needs its upper layer, and shows what comes of it.
const overlayScript = `
cd "$1"
cat f; echo more >> f; cat f                        # copied up
ls -l f | cut -c1-10
rm dir/sub/x; ls dir/sub                            # a whiteout, by RENAME_WHITEOUT
mv dir moved; ls; ls -d dir 2> /dev/null || true    # a directory is redirected
rm -r moved/sub; mkdir moved/sub; ls moved/sub      # an opaque one
cat moved/kept
mkdir new; echo y > new/y; mv new/y new/z; cat new/z; rm -r new
ln f g; rm f; cat g; echo back > f; cat f
setfattr -n user.a -v b f; getfattr --only-values -n user.a f; echo
exec 3<> g; rm g; echo gone >&3; cat /proc/self/fd/3
echo l > long; truncate -s 1 long; cat long; echo
rm -r ./*; ls`

// TestOverlay: a vanishfs with --xattr can be the upper layer of an overlayfs, which then does what it does over a
// tmpfs; what is copied up gets the modes that every file of the vanishfs has.
func TestOverlay(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: nobody else may mount an overlayfs with trusted attributes")
		return
	}
	want := onOverlay(t, harness.Tmpfs(t))
	if !strings.Contains(want, "-rw-r--r--") {
		t.Fatalf("on tmpfs: %s", want)
	}
	for _, flags := range [][]string{
		{"--permissions=posix", "--allow-other"}, {"--permissions=posix", "--passthrough=off"}, {"--permissions=posix", "--store=tiered"},
		{}, {"--passthrough=off", "--allow-other"}, {"--transport=dev"},
	} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			m := harness.Start(t, harness.Current(), append(flags, "--xattr")...)
			used := inodesUsed(t, m.Dir)
			want := want
			if m.Status(t).Permissions == "owner" {
				want = strings.ReplaceAll(want, "-rw-r--r--", "-rw-------")
			}
			if got := onOverlay(t, m.Dir); got != want {
				t.Errorf("it says\n%s\non tmpfs\n%s", got, want)
			}
			check(t, "remove the layers", os.RemoveAll(m.Dir+"/upper"))
			check(t, "remove the layers", os.RemoveAll(m.Dir+"/work"))
			harness.Eventually(t, "every inode is given back", func() bool { return inodesUsed(t, m.Dir) == used },
				func() string { return strings.TrimSpace(m.Sh(t, `ls -laR "$D"`)) })
		})
	}
	t.Run("without --xattr", func(t *testing.T) {
		m := harness.Start(t, harness.Current())
		check(t, "mkdir", os.Mkdir(m.Dir+"/upper", 0o755))
		check(t, "mkdir", os.Mkdir(m.Dir+"/work", 0o755))
		at := harness.Mkdir(t, harness.Current())
		err := unix.Mount("overlay", at, "overlay", 0, "lowerdir="+lowerLayer(t)+",upperdir="+m.Dir+"/upper,workdir="+m.Dir+"/work")
		if err != unix.EINVAL {
			unix.Unmount(at, unix.MNT_DETACH)
			t.Errorf("mount of an overlayfs: %v, want EINVAL", err)
		}
	})
}

// onOverlay is what overlayScript says with the upper layer in dir.
func onOverlay(t *testing.T, dir string) string {
	t.Helper()
	at := harness.Mkdir(t, harness.Current())
	check(t, "mkdir", os.Mkdir(dir+"/upper", 0o755))
	check(t, "mkdir", os.Mkdir(dir+"/work", 0o755))
	options := "redirect_dir=on,lowerdir=" + lowerLayer(t) + ",upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	if err := unix.Mount("overlay", at, "overlay", 0, options); err != nil {
		t.Fatalf("mount of an overlayfs with its upper layer in %s: %v", dir, err)
	}
	out, err := exec.Command("sh", "-euc", overlayScript, "sh", at).CombinedOutput()
	check(t, "overlay script", err)
	check(t, "unmount the overlayfs", unix.Unmount(at, 0))
	return string(out)
}

func lowerLayer(t *testing.T) string {
	t.Helper()
	dir := harness.Mkdir(t, harness.Current())
	check(t, "mkdir", os.MkdirAll(dir+"/dir/sub", 0o755))
	for _, name := range []string{"/f", "/dir/kept", "/dir/sub/x", "/dir/sub/y"} {
		check(t, "create", os.WriteFile(dir+name, []byte("low\n"), 0o644))
	}
	return dir
}
