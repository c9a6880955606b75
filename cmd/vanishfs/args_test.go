package main

import (
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	for _, c := range []struct {
		in   string // command and arguments
		want string // "" is an error
	}{
		{"mount /mnt", "-- /mnt"},
		{"mount /mnt --size 2g", "--size=2g -- /mnt"},
		{"mount --size=2g /mnt -v", "--size=2g --verbose -- /mnt"},
		{"mount -fv /mnt", "--foreground --verbose -- /mnt"},
		{"mount -osize=2g /mnt", "--o=size=2g -- /mnt"},
		{"mount -fo size=2g,mode=700 /mnt", "--foreground --o=size=2g,mode=700 -- /mnt"},
		{"mount -v --verbose -h /mnt", "--verbose --verbose --help -- /mnt"},
		{"mount -- --odd", "-- --odd"},
		{"mount - /mnt", "-- - /mnt"},
		{"mount --size= /mnt", "--size= -- /mnt"},
		{"mktemp -dqp /tmp aXXX", "--directory --quiet --tmpdir=/tmp -- aXXX"},
		{"mktemp aXXX --tmpdir", "--tmpdir= -- aXXX"},
		{"mktemp --tmpdir aXXX", "--tmpdir= -- aXXX"},
		{"mktemp --tmpdir=/x aXXX", "--tmpdir=/x -- aXXX"},
		{"run -v ls -la --size 3", "--verbose -- ls -la --size 3"},
		{"run --size 1g -- -odd -- x", "--size=1g -- -odd -- x"},
		{"run ls -- x", "-- ls -- x"},
		{"run", "--"},
		{"mount --nope /mnt", ""},
		{"mount -x /mnt", ""},
		{"mount --v /mnt", ""},
		{"mount -size 2g /mnt", ""},
		{"mount /mnt --size", ""},
		{"mount -fo", ""},
		{"mount --foreground=yes /mnt", ""},
		{"mktemp -p", ""},
	} {
		args := strings.Fields(c.in)
		got, err := arrange(commandNamed(args[0]), args[1:])
		if c.want == "" {
			if exitCode(err) != exitUsage {
				t.Errorf("%s: %q, %v; want a usage error", c.in, got, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %q, %v; want %s", c.in, got, err, c.want)
		}
	}
}
