package option

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestMountOptions(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{",,", ""},
		// tmpfs's
		{"size=2g", "size=2147483648"},
		{"size=0", "size=0"},
		{"nr_blocks=16", fmt.Sprintf("size=%d", 16*os.Getpagesize())},
		{"nr_inodes=10k", "inodes=10240"},
		{"mode=1777,uid=7,gid=8", "mode=1777,uid=7,gid=8"},
		{"uid=root", "uid=0"},
		{"huge=always,noswap", "huge=always,noswap"},
		{"noexec,exec", "not noexec"},
		// ours, with both spellings
		{"file-size=1k,permissions=posix", "file-size=1024,permissions=posix"},
		{"file_size=1k,allow_other", "file-size=1024,allow-other"},
		{"allow-other,remove=close,linger=2s,xattr", "xattr,remove=close,linger=2s,allow-other"},
		{"size=1g,size=2m", "size=2097152"},
		// what mount(8) and mount.fuse bring along
		{"rw,dev,suid", ""},
		{"defaults,nofail,_netdev,noauto,x-systemd.automount,x-gvfs-show,X-mount.mkdir", ""},
		{"rw,nosuid,nodev,noatime,size=1k", "size=1024"},
		{"user", "noexec"},
		{"users,exec", "not noexec"},
		{"fsname=scratch", "fsname=scratch"},
		// a remount, with what stands in /proc/mounts
		{"rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions,allow_other,remount,size=4g", "size=4294967296,allow-other remount"},
	} {
		var l MountList
		if err := l.Parse(c.in); err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		got := l.String()
		if l.Remount {
			got += " remount"
		}
		for name, text := range l.Set {
			if text == "false" {
				got += " not " + name
			}
		}
		if strings.TrimSpace(got) != c.want {
			t.Errorf("%q: %s; want %s", c.in, got, c.want)
		}
	}
}

func TestWrongMountOptions(t *testing.T) {
	for in, kind := range map[string]error{
		"bogus":              ErrUnknown,
		"bogus=1":            ErrUnknown,
		"foreground":         ErrUnknown,
		"at=/x":              ErrUnknown,
		"user_id=0":          ErrUnknown,
		"size":               ErrValue,
		"size=":              ErrValue,
		"size=x":             ErrValue,
		"noswap=1":           ErrValue,
		"mode=9":             ErrValue,
		"mode=4755":          ErrValue,
		"uid=no-such-user-1": ErrValue,
		"uid=4294967295":     ErrValue,
		"nr_inodes=x":        ErrValue,
		"nr_blocks=x":        ErrValue,
		"linger=5":           ErrValue,
		"permissions=none":   ErrValue,
		"ro":                 ErrValue,
	} {
		err := new(MountList).Parse(in)
		if !errors.Is(err, kind) {
			t.Errorf("%q: %v is not: %v", in, err, kind)
		}
		if err != nil && !strings.Contains(err.Error(), strings.Split(in, "=")[0]) {
			t.Errorf("%q: message does not name the option: %v", in, err)
		}
	}
}
