package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a new pseudo terminal, and what is written to it.
func terminal(t *testing.T) (tty *os.File, shown *bufio.Reader) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty, bufio.NewReader(master)
}

// TestPager: on a terminal a page goes through the user's pager, with bold headings, elsewhere it is plain.
func TestPager(t *testing.T) {
	for _, c := range []struct{ manpager, pager, want string }{
		{"sed '1s/^/first: /;q'", "sed 1s/^/second/", "first: \x1b[1mvanishfs(5)\x1b[0m\r\n"},
		{"", "sed '1s/^/second: /;q'", "second: \x1b[1mvanishfs(5)\x1b[0m\r\n"},
		{"", `sed "1s/.*/$LESS/;q"`, "FRX\r\n"},
	} {
		t.Setenv("MANPAGER", c.manpager)
		t.Setenv("PAGER", c.pager)
		t.Setenv("LESS", "")
		tty, shown := terminal(t)
		if err := showPage(tty, "vanishfs.5"); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if line, err := shown.ReadString('\n'); line != c.want {
			t.Errorf("%+v: shown is %q, %v", c, line, err)
		}
	}
	t.Setenv("PAGER", "exit 3")
	tty, _ := terminal(t)
	if err := showPage(tty, "vanishfs.5"); err == nil || !strings.HasPrefix(err.Error(), "pager exit 3: ") {
		t.Errorf("a pager that fails: %v", err)
	}

	t.Setenv("PAGER", "exit 3")
	var out strings.Builder
	if err := showPage(&out, "vanishfs.5"); err != nil || !strings.HasPrefix(out.String(), "vanishfs(5)\n\nNAME\n") {
		t.Errorf("not on a terminal: %.100q, %v", out.String(), err)
	}
}

// TestPageText: what of Markdown the manual uses, and how it is laid out.
func TestPageText(t *testing.T) {
	const source = "# t(1)\n\n## NAME\n\nt - one `two`\n**three**\n\n### sub\n\n- a\n  b\n- c\n\n    $ code  *\n\n**-x**, **-y** *N*\n: what\n  x does\n\n`m`\n: n\n"
	const want = "<t(1)>\n\n<NAME>\n\n    t - one two three\n\n  <sub>\n\n    - a b\n    - c\n\n      $ code  *\n\n    -x, -y N\n        what x does\n\n    m\n        n\n"
	if got := pageText(source, func(s string) string { return "<" + s + ">" }); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
