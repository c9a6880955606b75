package doctor

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// fusermount is needed by an ordinary user who mounts in the namespace he is in.
func fusermount() Check {
	c := Check{Name: "fusermount3"}
	const costs = "an ordinary user has no vanishfs mount; run does not need it"
	var path string
	for _, name := range []string{"fusermount3", "fusermount"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return c.tried("not installed", "", costs, "apt-get install fuse3")
	}
	info, err := os.Stat(path)
	if err != nil {
		return c.tried(err.Error(), "", costs, "apt-get install --reinstall fuse3")
	}
	if info.Mode()&fs.ModeSetuid == 0 {
		return c.tried(path+" is not setuid root", "", costs, "chown root "+path+" && chmod u+s "+path)
	}
	return c.tried("", path, "", "")
}

// fuseConf is fusermount3's configuration (man 8 mount.fuse3).
const fuseConf = "/etc/fuse.conf"

func allowOther() Check {
	c := Check{Name: "user_allow_other"}
	const costs = "an ordinary user has no vanishfs mount --allow-other"
	allowed, err := hasLine(fuseConf, "user_allow_other")
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return c.tried(err.Error(), "", costs, "chmod a+r "+fuseConf)
	case !allowed:
		return c.tried("not in "+fuseConf, "", costs, "echo user_allow_other >> "+fuseConf)
	}
	return c.tried("", "in "+fuseConf, "", "")
}

func hasLine(path, want string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == want {
			return true, nil
		}
	}
	return false, lines.Err()
}

// wantFiles is what a busy mount needs: the daemon holds a descriptor for each file that is open, none for others.
const wantFiles = 4096

func openFiles() Check {
	c := Check{Name: "open files"}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return c.tried(err.Error(), "", "", "")
	}
	why := ""
	if limit.Max < wantFiles {
		why = fmt.Sprintf("at most %d", limit.Max)
	}
	return c.tried(why, fmt.Sprintf("up to %d", limit.Max), "programs cannot have more files open in a mount than that, together",
		fmt.Sprintf("ulimit -Hn %d, or LimitNOFILE= of the systemd unit", wantFiles))
}
