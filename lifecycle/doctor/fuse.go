package doctor

import (
	"errors"
	"os"
	"strings"

	"vanishfs/fs/transport"
)

// fuseModule is about the filesystem type, which a module may have to bring.
func fuseModule() Check {
	c := Check{Name: "fuse", Needed: true}
	text, err := os.ReadFile("/proc/filesystems")
	why := ""
	if err != nil {
		why = err.Error()
	} else if !lists(string(text), "fuse") {
		why = "not in /proc/filesystems"
	}
	return c.tried(why, "known to the kernel", "nothing works", "modprobe fuse")
}

// lists says whether name is a filesystem in the text of /proc/filesystems: "nodev\tNAME" or "\tNAME".
func lists(filesystems, name string) bool {
	for line := range strings.Lines(filesystems) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[len(fields)-1] == name {
			return true
		}
	}
	return false
}

func device() Check {
	c := Check{Name: "/dev/fuse", Needed: true}
	dev, err := transport.OpenDevice()
	switch {
	case err == nil:
		dev.Close()
		return c.tried("", "can be opened", "", "")
	case errors.Is(err, transport.ErrNoDevice):
		return c.tried("does not exist", "", "nothing works", "modprobe fuse; in a container: docker run --device /dev/fuse")
	case errors.Is(err, transport.ErrDevicePermission):
		return c.tried("cannot be opened by this user", "", "nothing works for this user", "chmod 0666 /dev/fuse")
	}
	return c.tried(err.Error(), "", "nothing works", "modprobe fuse")
}
