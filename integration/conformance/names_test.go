package conformance

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var nameCases = map[string]harness.Case{
	"NameLengths": nameLengths,
	"NameBytes":   nameBytes,
	"PathLengths": pathLengths,
}

func nameLengths(t *testing.T, tree harness.Tree) {
	longest, tooLong := tree.Dir+"/"+strings.Repeat("n", 255), tree.Dir+"/"+strings.Repeat("n", 256)
	create(t, longest, "x")
	wantContent(t, longest, "x")
	ok(t, "rename", unix.Rename(longest, tree.Dir+"/short"))
	ok(t, "rename back", unix.Rename(tree.Dir+"/short", longest))
	if names := readNames(t, tree.Dir); len(names) != 1 || len(names[0]) != 255 {
		t.Errorf("listed: %v", names)
	}
	var st unix.Stat_t
	_, openErr := unix.Open(tooLong, unix.O_CREAT|unix.O_RDWR, 0o600)
	for what, err := range map[string]error{
		"create": openErr, "mkdir": unix.Mkdir(tooLong, 0o700), "symlink": unix.Symlink("x", tooLong),
		"link": unix.Link(longest, tooLong), "rename to": unix.Rename(longest, tooLong), "rename from": unix.Rename(tooLong, longest),
		"stat": unix.Stat(tooLong, &st), "unlink": unix.Unlink(tooLong), "rmdir": unix.Rmdir(tooLong), "mkfifo": unix.Mkfifo(tooLong, 0o600),
	} {
		wantErrno(t, what+" of 256 bytes", err, unix.ENAMETOOLONG)
	}
}

func nameBytes(t *testing.T, tree harness.Tree) {
	names := []string{"...", " ", "a\nb", "\xff\xfe", "ünï", "-rf", "*", "\\", ".hidden", "~", "\x01"}
	for _, n := range names {
		create(t, tree.Dir+"/"+n, n)
	}
	for _, n := range names {
		wantContent(t, tree.Dir+"/"+n, n)
	}
	if got := readNames(t, tree.Dir); len(got) != len(names) {
		t.Errorf("%d listed, want %d: %q", len(got), len(names), got)
	}
	create(t, tree.Dir+"/case", "lower")
	create(t, tree.Dir+"/CASE", "upper")
	wantContent(t, tree.Dir+"/case", "lower")
}

func pathLengths(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "x")
	pad := func(n int) string { // a path of n bytes to f
		p := tree.Dir + strings.Repeat("/.", (n-len(tree.Dir)-2)/2)
		return p + strings.Repeat("/", n-len(p)-1) + "f"
	}
	if len(pad(4095)) != 4095 {
		t.Fatalf("padding gives %d bytes", len(pad(4095)))
	}
	wantContent(t, pad(4095), "x")
	_, err := os.Open(pad(4096))
	wantErrno(t, "4096 bytes", err, unix.ENAMETOOLONG)
}
