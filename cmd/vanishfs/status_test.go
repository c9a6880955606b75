package main

import (
	"strings"
	"testing"

	"github.com/dustin/go-humanize"

	"vanishfs/lifecycle/control"
	"vanishfs/lifecycle/option"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
)

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		used, limit int64
		want        string
	}{
		{0, 0, "0 B used, no limit"},
		{4096, 0, "4.0 KiB used, no limit"},
		{0, gib, "0 B used of 1.0 GiB, 0%"},
		{1, gib, "1 B used of 1.0 GiB, 1%"},
		{gib / 2, gib, "512 MiB used of 1.0 GiB, 50%"},
		{gib - 1, gib, "1024 MiB used of 1.0 GiB, 100%"},
		{gib, gib, "1.0 GiB used of 1.0 GiB, 100%"},
	} {
		if got := usage(c.used, c.limit, option.ShowSize); got != c.want {
			t.Errorf("usage(%d, %d) = %q; want %q", c.used, c.limit, got, c.want)
		}
	}
	if got := usage(1, 12345, humanize.Comma); got != "1 used of 12,345, 1%" {
		t.Errorf("inodes: %q", got)
	}
}

func TestRemovalInWords(t *testing.T) {
	for _, c := range []struct{ remove, linger, want string }{
		{"session", "0s", "at the end of the session"},
		{"session", "2s", "at the end of the session"},
		{"close", "0s", "at last close"},
		{"close", "2s", "2s after the last close"},
		{"keep", "", "at the end of the mount"},
	} {
		if got := removal(control.Status{Remove: c.remove, Linger: c.linger}); got != c.want {
			t.Errorf("%s, %s: %q; want %q", c.remove, c.linger, got, c.want)
		}
	}
}

// --json passes on keys that this version does not know.
func TestPrintJSON(t *testing.T) {
	var out strings.Builder
	if err := printJSON(&out, []byte(`{"size":1,"new":[]}`+"\n")); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"size\": 1,\n  \"new\": []\n}\n"; out.String() != want {
		t.Errorf("%q; want %q", out.String(), want)
	}
	if err := printJSON(&out, []byte("{")); err == nil {
		t.Error("half a text passed")
	}
}

func TestPrintStatus(t *testing.T) {
	var out strings.Builder
	s := control.Status{Version: "v1", PID: 7, Size: gib, Permissions: "owner", Remove: "session", Session: "mount", Store: "memory", Plane: "direct", Transport: "dev", FileSize: mib}
	if err := printStatus(&out, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"size         0 B used of 1.0 GiB, 0%\n", "file size    up to 1.0 MiB\n", "daemon       7, version v1\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// A store with a disk says where the bytes are and what moved.
func TestPrintStatusOfTiered(t *testing.T) {
	var out strings.Builder
	s := control.Status{Store: "tiered", Memory: 256 * mib, MemoryUsed: 64 * mib, SpillUsed: 3 * gib, Spilled: 5 * gib, Fetched: mib}
	if err := printStatus(&out, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"memory       64 MiB used of 256 MiB, 25%\n",
		"spill        3.0 GiB used, encrypted\n",
		"traffic      5.0 GiB written to the disk, 1.0 MiB read back\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
