package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// show is the part of the settings that mount options changed.
func show(s *settings) string {
	d := newSettings()
	var words []string
	add := func(changed bool, format string, args ...any) {
		if changed {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(s.Size != d.Size, "size=%d", s.Size)
	add(s.Inodes != d.Inodes, "inodes=%d", s.Inodes)
	add(s.FileSize != 0, "file-size=%d", s.FileSize)
	add(s.Permissions != d.Permissions, "permissions=%s", s.Permissions)
	add(s.Remove != d.Remove, "remove=%s", s.Remove)
	add(s.Linger != 0, "linger=%v", s.Linger)
	add(s.Huge != d.Huge, "huge=%s", s.Huge)
	add(s.NoSwap, "noswap")
	add(s.NoExec, "noexec")
	add(s.XAttr, "xattr")
	add(s.AllowOther, "allow-other")
	add(s.Source != d.Source, "source=%s", s.Source)
	if s.Mode != nil {
		add(true, "mode=%o", *s.Mode)
	}
	if s.UID != nil {
		add(true, "uid=%d", *s.UID)
	}
	if s.GID != nil {
		add(true, "gid=%d", *s.GID)
	}
	add(s.remount, "remount")
	return strings.Join(words, " ")
}

func TestMountOptions(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{",,", ""},
		// tmpfs's
		{"size=2g", "size=2147483648"},
		{"size=0", "size=0"},
		{"nr_blocks=16", fmt.Sprintf("size=%d", 16*os.Getpagesize())},
		{"nr_inodes=10k", "inodes=10240"},
		{"mode=1777,uid=7,gid=8", "mode=1777 uid=7 gid=8"},
		{"uid=root", "uid=0"},
		{"huge=always,noswap", "huge=always noswap"},
		{"noexec,exec", ""},
		// ours, with both spellings
		{"file-size=1k,permissions=posix", "file-size=1024 permissions=posix"},
		{"file_size=1k,allow_other", "file-size=1024 allow-other"},
		{"allow-other,remove=close,linger=2s,xattr", "remove=close linger=2s xattr allow-other"},
		{"size=1g,size=2m", "size=2097152"},
		// what mount(8) and mount.fuse bring along
		{"rw,dev,suid", ""},
		{"defaults,nofail,_netdev,noauto,x-systemd.automount,x-gvfs-show,X-mount.mkdir", ""},
		{"rw,nosuid,nodev,noatime,size=1k", "size=1024"},
		{"user", "noexec"},
		{"users,exec", ""},
		{"fsname=scratch", "source=scratch"},
		// a remount, with what stands in /proc/mounts
		{"rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions,allow_other,remount,size=4g", "size=4294967296 allow-other remount"},
	} {
		s := newSettings()
		if err := s.applyMountOptions(c.in); err != nil {
			t.Errorf("%q: %v", c.in, err)
		} else if got := show(s); got != c.want {
			t.Errorf("%q: %s; want %s", c.in, got, c.want)
		}
	}
}

func TestWrongMountOptions(t *testing.T) {
	for in, code := range map[string]int{
		"bogus":              exitUsage,
		"bogus=1":            exitUsage,
		"foreground":         exitUsage,
		"at=/x":              exitUsage,
		"user_id=0":          exitUsage,
		"size":               exitValue,
		"size=":              exitValue,
		"size=x":             exitValue,
		"noswap=1":           exitValue,
		"mode=9":             exitValue,
		"uid=no-such-user-1": exitValue,
		"nr_inodes=x":        exitValue,
		"linger=5":           exitValue,
		"ro":                 exitValue,
	} {
		err := newSettings().applyMountOptions(in)
		if exitCode(err) != code {
			t.Errorf("%q: %v has code %d; want %d", in, err, exitCode(err), code)
		}
		if err != nil && !strings.Contains(err.Error(), strings.Split(in, "=")[0]) {
			t.Errorf("%q: message does not name the option: %v", in, err)
		}
	}
}

// Whatever is a flag of the filesystem is a mount option too.
func TestFlagsAreMountOptions(t *testing.T) {
	for _, o := range options {
		isOption := mountOption(strings.ReplaceAll(o.name, "-", "_")) != nil
		if want := o.only != "run" && o.name != "foreground"; isOption != want {
			t.Errorf("%s: mount option %v, want %v", o.name, isOption, want)
		}
	}
}

func TestGivenOptions(t *testing.T) {
	s := newSettings()
	if err := s.applyMountOptions("nr_blocks=1,linger=2s"); err != nil {
		t.Fatal(err)
	}
	if !s.given["size"] || !s.given["linger"] || s.given["inodes"] || s.Linger != 2*time.Second {
		t.Errorf("given: %v", s.given)
	}
}
