package conformance

import "vanishfs/integration/harness"

// A difference is a case of go-fuse's that has to fail, and how.
type difference struct {
	name string
	when func(harness.Tree) bool
	says string
	why  string
}

var differences = []difference{
	{
		"FcntlFlockLocksFile", func(harness.Tree) bool { return true }, "FcntlFlock returned <nil>, expected EAGAIN",
		"on Linux the record locks of one process never conflict with each other, on any filesystem",
	},
	{
		"FileBasic", func(tr harness.Tree) bool { return tr.Owner }, "got mode 100700, want 100755",
		"with --permissions=owner 0755 becomes 0700",
	},
}

func differs(name string, tree harness.Tree) (difference, bool) {
	for _, d := range differences {
		if d.name == name && d.when(tree) {
			return d, true
		}
	}
	return difference{}, false
}

// The differences between vanishfs and tmpfs that our own cases assert, each
// where Tree.Native or Tree.Owner is asked in the case:
//
//   - owner: modes lose group, other and special bits (wantMode)
//   - owner: chmod drops those bits, keeping u+x (modeCases)
//   - device nodes but whiteouts cannot be made, by root either (Mknod)
//   - POSIX ACLs are taken as a chmod, and not kept (ACL)
//   - .vanish exists in every directory and cannot be made (package promises)

// wantMode is the mode that a file or directory asked for with mode gets.
func wantMode(tree harness.Tree, mode uint32) uint32 {
	if tree.Owner {
		return mode & 0o700
	}
	return mode
}
