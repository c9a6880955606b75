package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestHelperCallOf(t *testing.T) {
	for _, c := range []struct {
		in   string
		want *helperCall // nil: not one
	}{
		// util-linux, with the binary linked as its helper
		{"/sbin/mount.fuse.vanishfs none /mnt -o rw,size=2g", &helperCall{source: "none", dir: "/mnt", options: []string{"rw,size=2g"}}},
		{"/sbin/mount.vanishfs none /mnt", &helperCall{source: "none", dir: "/mnt"}},
		{"mount.fuse.vanishfs none /mnt -fnv -o rw -t fuse.vanishfs", &helperCall{source: "none", dir: "/mnt", options: []string{"rw"}, fake: true, verbose: true}},
		{"mount.fuse.vanishfs none /mnt -sorw", &helperCall{source: "none", dir: "/mnt", options: []string{"rw"}, sloppy: true}},
		// fuse3's mount.fuse
		{"vanishfs none /mnt -o rw,dev,suid", &helperCall{source: "none", dir: "/mnt", options: []string{"rw,dev,suid"}}},
		{"vanishfs /mnt -o dev,suid", &helperCall{source: "vanishfs", dir: "/mnt", options: []string{"dev,suid"}}},
		{"/usr/bin/vanishfs none /dev/fd/3 -o dev", &helperCall{source: "none", dir: "/dev/fd/3", options: []string{"dev"}}},
		// by hand
		{"vanishfs", nil},
		{"vanishfs mount /mnt -o size=2g", nil},
		{"vanishfs mount -o size=2g /mnt", nil},
		{"vanishfs mout /mnt", nil},
		{"vanishfs run sort -o x", nil},
		{"vanishfs --help", nil},
	} {
		got, ok := helperCallOf(strings.Fields(c.in))
		switch {
		case ok != (c.want != nil):
			t.Errorf("%s: recognised %v", c.in, ok)
		case ok && !reflect.DeepEqual(got, *c.want):
			t.Errorf("%s: %+v; want %+v", c.in, got, *c.want)
		}
	}
}

// mount(8) knows two codes of a helper's failure.
func TestHelperExitCodes(t *testing.T) {
	for in, code := range map[string]int{
		"mount.fuse.vanishfs":                                            exitHelperUsage,
		"mount.fuse.vanishfs none":                                       exitHelperUsage,
		"mount.fuse.vanishfs none /mnt -y":                               exitHelperUsage,
		"mount.fuse.vanishfs none /mnt -N /run/ns":                       exitHelperUsage,
		"mount.fuse.vanishfs none /mnt -o bogus":                         exitHelperUsage,
		"mount.fuse.vanishfs none /mnt -o size=x":                        exitHelperUsage,
		"mount.fuse.vanishfs none /proc -o remount":                      exitHelperMount,
		"mount.fuse.vanishfs none /mnt -f -o size=1m":                    exitOK,
		"mount.fuse.vanishfs none /mnt -sfo bogus":                       exitOK,
		"vanishfs none /mnt -o bogus":                                    exitHelperUsage,
		"mount.fuse.vanishfs none /mnt -fo chmod=deny,permissions=posix": exitHelperUsage,
	} {
		call, ok := helperCallOf(strings.Fields(in))
		if !ok {
			t.Fatalf("%s: not recognised", in)
		}
		if err := call.run(); exitCode(err) != code {
			t.Errorf("%s: %v has code %d; want %d", in, err, exitCode(err), code)
		}
	}
}
