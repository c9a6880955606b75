package promises

import (
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestACLPrograms: what copies files with their ACLs succeeds, and no ACL lets anybody else in.
func TestACLPrograms(t *testing.T) {
	for name, flags := range map[string][]string{"owner": nil, "posix": {"--permissions=posix"}, "xattr": {"--xattr"}} {
		t.Run(name, func(t *testing.T) {
			harness.OnPlanes(t, flags, func(t *testing.T, m *harness.Mount) {
				m.Sh(t, `S=$(mktemp -d /dev/shm/vanishfs-acl-XXXXXX)
					trap 'rm -rf "$S"' EXIT
					mkdir -m 700 "$S/d"; echo x > "$S/f"; echo y > "$S/d/g"; chmod 640 "$S/f" "$S/d/g"
					setfacl -m u:1:rwx,g:2:rw "$S/f" "$S/d" "$S/d/g"; setfacl -d -m u:1:rwx "$S/d"
					cp -p "$S/f" "$D/p"; cp -a "$S/d" "$D/a"; rsync -aA "$S/d/" "$D/r/"
					tar --acls -C "$S" -cf - d | { mkdir -m 700 "$D/t"; tar --acls -C "$D/t" -xf -; }
					setfacl -m u:1:r "$D/p"; setfacl -b "$D/p"; setfacl --restore=/dev/null
					cp -p "$D/p" "$D/q"; cp -a "$D/a" "$D/b"
					mv "$S/f" "$D/m"; mv "$S/d" "$D/n"
					cmp "$D/p" "$D/m"; cmp "$D/a/g" "$D/n/g"; cmp "$D/t/d/g" "$D/n/g"`)
				if wide := m.Sh(t, `find "$D" -mindepth 1 -perm /027`); wide != "" {
					t.Errorf("others get in: %s", wide)
				}
			})
		})
	}
}

// TestACLDenied: with --chmod=deny an ACL that asks for what never exists is refused, as a chmod is.
func TestACLDenied(t *testing.T) {
	harness.OnPlanes(t, []string{"--chmod=deny"}, func(t *testing.T, m *harness.Mount) {
		if out, err := m.ShCommand(`: > "$D/f"; setfacl -m u:1:r "$D/f"`).CombinedOutput(); err == nil {
			t.Errorf("an ACL for another user is taken: %s", out)
		}
		m.Do(t, func() {
			owner := []byte{2, 0, 0, 0, 1, 0, 4, 0, 255, 255, 255, 255, 4, 0, 0, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255}
			check(t, "an ACL for the owner", unix.Setxattr(m.Dir+"/f", "system.posix_acl_access", owner, 0))
			var st unix.Stat_t
			check(t, "stat", unix.Stat(m.Dir+"/f", &st))
			if st.Mode&0o777 != 0o400 {
				t.Errorf("mode %#o", st.Mode)
			}
		})
	})
}
