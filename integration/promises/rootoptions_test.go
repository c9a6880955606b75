package promises

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// TestRootChangesUsersOptions: root of the machine changes the options of a mount that an ordinary user has made and
// lets others into, and neither does any other user, nor root without the capability, or of a user namespace.
func TestRootChangesUsersOptions(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: it takes root, and another user")
		return
	}
	const script = `conf=$1 uid=$2 gid=$3 dir=$4; shift 4
		mount --bind "$conf" /etc/fuse.conf
		as() { setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"; }
		as mkdir "$dir/mnt"
		cd /
		as "$@" mount --allow-other --size=8MiB "$dir/mnt" >&2
		trap 'as "$@" umount "$dir/mnt"' EXIT
		size() { "$@" status --json "$dir/mnt" | tr -d ' ,' | grep "^.size.:[0-9]"; }
		may() { "$@" || echo "$* ended with $?"; }
		may_not() { if "$@"; then echo "$* did it"; fi 2>/dev/null; }
		other="setpriv --reuid=65534 --regid=65534 --clear-groups"
		may_not $other "$@" set --size=0 "$dir/mnt"
		may_not $other unshare --user --map-root-user "$@" set --size=0 "$dir/mnt"
		may_not $other setfattr -n trusted.vanish.options -v size=0 "$dir/mnt"
		may_not setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$@" set --size=0 "$dir/mnt"
		may_not unshare --user --map-root-user "$@" set --size=0 "$dir/mnt"
		size "$@"
		may "$@" set --size=16MiB "$dir/mnt"; size "$@"
		may "$@" mount -o remount,size=32m "$dir/mnt"; size "$@"
		may setfattr -n trusted.vanish.options -v size=67108864 "$dir/mnt"; size "$@"
		may as "$@" set --size=4MiB "$dir/mnt"; size "$@"`
	conf := filepath.Join(harness.Mkdir(t, harness.Current()), "fuse.conf")
	if err := os.WriteFile(conf, []byte("user_allow_other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	u := harness.Ordinary(t)
	args := []string{"--mount", "--propagation=private", "sh", "-euc", script, "sh", conf, fmt.Sprint(u.UID), fmt.Sprint(u.GID), harness.Mkdir(t, u)}
	cmd := exec.Command("unshare", slices.Concat(args, harness.VanishfsArgs())...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, size := range []int{8, 16, 32, 64, 4} {
		want = append(want, fmt.Sprintf(`"size":%d`, size*mib))
	}
	if got := strings.Fields(string(out)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
