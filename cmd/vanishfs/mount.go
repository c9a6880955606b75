package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle"
	"vanishfs/lifecycle/option"
)

func mountCommand() *cli.Command {
	return &cli.Command{
		Name:      "mount",
		Usage:     "mount a vanishfs on a directory",
		UsageText: "vanishfs mount [flags] [-o OPTION,...] DIR",
		Description: `Returns when the mount is ready and leaves a daemon behind, which ends with
"vanishfs umount DIR" or umount(8). Only the caller can enter it, unless
--allow-other lets everybody in, as in /tmp. An ordinary user needs fusermount3
for it (package fuse3), for --allow-other also user_allow_other in /etc/fuse.conf.

   # vanishfs mount --allow-other --size 4g /mnt/scratch
   # vanishfs mount --allow-other --remove close --linger 5s /srv/uploads
   # vanishfs mount --store=tiered --memory 1g --size 100g /mnt/big   more than RAM
   $ vanishfs mount ~/work                     private; vanishfs umount ~/work

With mount(8) and in /etc/fstab, where mount options are these flags by name,
and tmpfs's: size, nr_inodes, nr_blocks, mode, uid, gid, huge, noswap, noexec.

   # mount -t fuse.vanishfs -o size=2g,allow_other none /mnt/scratch
   # mount -o remount,size=4g /mnt/scratch
   none  /mnt/scratch  fuse.vanishfs  size=2g,mode=1777,allow_other,nofail  0  0

Flags win over -o. Every mount is nosuid and nodev.`,
		Flags: append(flagsOf(option.Of(option.Mount)), &cli.StringSliceFlag{
			Name: "o", Category: string(option.Places), Usage: "`OPTION,...`: mount options, as mount(8) takes them; repeatable",
		}),
		Action: func(c *cli.Context) error {
			dir, err := oneOperand(c, "DIR")
			if err != nil {
				return err
			}
			s := newSettings()
			for _, list := range c.StringSlice("o") {
				if err := s.Parse(list); err != nil {
					return err
				}
			}
			if err := s.applyFlags(c); err != nil {
				return err
			}
			return s.mountAt(dir, false)
		},
	}
}

// mountAt mounts at dir, in the background unless told otherwise; fake stops
// short of it.
func (s *settings) mountAt(dir string, fake bool) error {
	if s.Remount {
		return s.remountAt(dir, fake)
	}
	config, err := s.config()
	if err != nil || fake {
		return err
	}
	o := lifecycle.MountOptions{Config: config, Dir: dir}
	if !s.foreground {
		return lifecycle.Daemonize(o)
	}
	// Whoever read the log may go before us, and is not to take the mount along.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return lifecycle.Serve(ctx, o, func() error { return nil })
}
