package doctor

import "fmt"

// mounting is about a FUSE filesystem: as the user that this is, or in a user
// namespace of his. Where something else is missing, that has said so already.
func mounting(dev Check, here, inside findings, namespaceErr error) Check {
	c := Check{Name: "mounting", Needed: true}
	switch {
	case dev.State == Missing:
		c.State, c.Detail = NotApplicable, "needs /dev/fuse"
		return c
	case here.Mount == "":
		return c.tried("", "allowed in this namespace", "", "")
	case namespaceErr != nil:
		c.State, c.Detail = NotApplicable, "needs user namespaces: "+here.Mount
		return c
	}
	return c.tried(inside.Mount, "allowed in a user namespace", "vanishfs run does not work", namespaceHint())
}

func tmpfs(f findings) Check {
	return Check{Name: "tmpfs", Needed: true}.tried(f.Tmpfs, "can be made without a path",
		"there is no memory store, so nothing works", "a kernel from Linux 5.2 on, with fsopen(2) not filtered")
}

// tmpfileMinor is the protocol that FUSE_TMPFILE came with, Linux 6.1 (include/uapi/linux/fuse.h).
const tmpfileMinor = 37

func tmpfile(f findings) Check {
	why := ""
	if f.Minor < tmpfileMinor {
		why = fmt.Sprintf("the kernel speaks FUSE 7.%d, and it came with 7.%d", f.Minor, tmpfileMinor)
	}
	if f.Mount != "" {
		return Check{Name: "O_TMPFILE", State: NotApplicable, Detail: "nothing can be mounted"}
	}
	return Check{Name: "O_TMPFILE"}.tried(why, fmt.Sprintf("FUSE 7.%d", f.Minor),
		"open with O_TMPFILE is EOPNOTSUPP; programs fall back to named files", "a kernel from Linux 6.1 on")
}

func passthrough(f findings) Check {
	if f.Mount != "" {
		return Check{Name: "passthrough", State: NotApplicable, Detail: "nothing can be mounted"}
	}
	return Check{Name: "passthrough"}.tried(f.Passthrough, "the kernel takes backing files",
		"reads and writes go through the daemon (the mediated plane)",
		"run vanishfs as root outside user namespaces, on a kernel from Linux 6.9 on with CONFIG_FUSE_PASSTHROUGH")
}

func hugePages(f findings) Check {
	return Check{Name: "huge pages"}.tried(f.Huge, "huge=within_size is accepted",
		"--huge does nothing", "a kernel with CONFIG_TRANSPARENT_HUGEPAGE")
}

func noSwap(f findings) Check {
	return Check{Name: "noswap"}.tried(f.NoSwap, "accepted",
		"with swap on, file contents can reach the disk", "run vanishfs as root on a kernel from Linux 6.4 on, or: swapoff -a")
}

// tried completes c: why it failed, or what was found; what that costs, and what to do.
func (c Check) tried(why, found, costs, enable string) Check {
	if why == "" {
		c.State, c.Detail = OK, found
		return c
	}
	c.State, c.Detail, c.Costs, c.Enable = Missing, why, costs, enable
	return c
}
