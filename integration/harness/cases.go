package harness

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const envVariant = "VANISHFS_TEST_VARIANT" // the Tree, JSON

// A Tree is where a case runs and what it may expect there.
type Tree struct {
	Dir    string // an empty directory of the case's own
	Root   string // the root of the filesystem
	Native bool   // a tmpfs of the kernel's
	Owner  bool   // --permissions=owner
	Shared bool   // this process is root and other users reach the tree
	Large  bool   // full sizes
	Plane  string
}

// A Case is one named piece of behaviour.
type Case func(t *testing.T, tree Tree)

// Conform runs every case on every variant: in this process where root mounts,
// else in a process of the variant's user, which is this test binary with the same test.
func Conform(t *testing.T, cases map[string]Case) {
	if tree, ok := Inside(t); ok {
		runCases(t, tree, cases)
		return
	}
	for _, v := range Variants(t) {
		t.Run(v.Name, func(t *testing.T) { v.conform(t, cases) })
	}
}

// ConformShared runs the cases that need two users, on the variants that several users reach.
func ConformShared(t *testing.T, cases map[string]Case) {
	if !Root() {
		t.Log("not root: cases with two users do not run")
		return
	}
	for _, v := range Variants(t) {
		if v.tree("").Shared {
			t.Run(v.Name, func(t *testing.T) { v.conform(t, cases) })
		}
	}
}

// Inside says whether this process is one that a variant runs its cases in, and where.
func Inside(t testing.TB) (Tree, bool) {
	dir := os.Getenv(envInside)
	if dir == "" {
		return Tree{}, false
	}
	return decodeTree(t, dir), true
}

// AloneCommand is a process of its own that runs the test called name with tree as its place.
func AloneCommand(t testing.TB, tree Tree, name string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.v", "-test.run", "^"+name+"$")
	cmd.Env = append(os.Environ(), envInside+"="+tree.Dir, envVariant+"="+string(text), envBinary+"="+program, envSelf+"="+self)
	return cmd
}

func (v Variant) conform(t *testing.T, cases map[string]Case) {
	switch v.How {
	case native:
		runCases(t, v.tree(Tmpfs(t)), cases)
	case nativeUser:
		v.conformInside(t, userTmpfs(t, v.User), len(cases))
	case inRun:
		v.conformInside(t, "/tmp", len(cases))
	case mounted:
		m := Start(t, v.User, v.Flags...)
		v.check(t, m.Status(t))
		if v.User.UID == os.Getuid() && Root() {
			runCases(t, v.tree(m.Dir), cases)
			return
		}
		v.conformInside(t, m.Dir, len(cases))
	}
}

// check sees that the variant is what its name says: a silent fallback would
// test one plane or transport twice.
func (v Variant) check(t *testing.T, s Status) {
	t.Helper()
	if s.Plane != v.Plane || s.Transport != v.Via {
		t.Fatalf("status says %s over %s, want %s over %s", s.Plane, s.Transport, v.Plane, v.Via)
	}
}

func (v Variant) tree(dir string) Tree {
	return Tree{Dir: dir, Root: dir, Native: v.How == native || v.How == nativeUser, Owner: v.Owner, Large: v.Large, Plane: v.Plane,
		Shared: Root() && v.User.UID == 0 && v.How != inRun && v.How != nativeUser}
}

func (v Variant) encode() string {
	text, err := json.Marshal(v.tree(""))
	if err != nil {
		panic(err)
	}
	return string(text)
}

func decodeTree(t testing.TB, dir string) (tree Tree) {
	t.Helper()
	if err := json.Unmarshal([]byte(os.Getenv(envVariant)), &tree); err != nil {
		t.Fatal(err)
	}
	tree.Dir, tree.Root = dir, dir
	return tree
}

// conformInside runs the cases in a child and fails with what the child says of
// the cases that failed. A child that ran fewer cases than there are has failed.
func (v Variant) conformInside(t *testing.T, dir string, want int) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := v.inside(name, dir)
	log := filepath.Join(Mkdir(t, v.User), "inside")
	reportRaces(cmd, log)
	out, err := cmd.CombinedOutput()
	checkRaces(t, log)
	passed := len(regexp.MustCompile(`(?m)^ +--- PASS: `+name+`/[^/ ]+ \(`).FindAll(out, -1))
	if err != nil || passed != want {
		t.Errorf("%v; %d of %d cases passed\n%s", err, passed, want, withoutPasses(string(out)))
	}
}

func withoutPasses(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if !strings.Contains(line, "--- PASS:") && !strings.HasPrefix(line, "=== ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// runCases gives each case a directory of its own and removes it afterwards.
func runCases(t *testing.T, tree Tree, cases map[string]Case) {
	t.Helper()
	names := make([]string, 0, len(cases))
	for name := range cases {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		one := tree
		one.Dir = filepath.Join(tree.Dir, name)
		if err := os.Mkdir(one.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		skipped := false
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { skipped = t.Skipped() })
			cases[name](t, one)
		})
		if skipped {
			t.Errorf("%s was skipped: a case has to run everywhere", name)
		}
		if out, err := exec.Command("rm", "-rf", one.Dir).CombinedOutput(); err != nil {
			t.Errorf("after %s: rm -rf: %v: %s", name, err, out)
		}
	}
}
