package store

import (
	"fmt"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// spareContexts is how often a resize may fail, less one (see resizeBySpareLocked).
const spareContexts = 8

// tmpfsRole makes the tmpfs for an ordinary user's memory store: a program that calls NewMemory calls
// process.Become first thing in main, a test in TestMain.
var tmpfsRole = process.NewRole("vanishfs-tmpfs", func(c *process.Child) int {
	var o tmpfsOptions
	err := c.Read(&o)
	var made madeTmpfs
	if err == nil {
		made, err = makeTmpfs(o)
	}
	for i := 0; err == nil && i < spareContexts; i++ {
		var ctx int
		if ctx, err = unix.Fspick(made.root, "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC); err == nil {
			made.contexts = append(made.contexts, ctx)
		}
	}
	var fds []int
	if err == nil {
		fds = append([]int{made.root}, made.contexts...)
	}
	if process.Answer(c.FDs[0], made, err, fds...) != nil {
		return 1
	}
	return 0
})

// makeTmpfsInChild makes an instance in a child process with a user and a mount
// namespace of its own, which passes the descriptors back and ends. The caller's user
// is mapped to itself, so the files are its own and it may resize the instance.
func makeTmpfsInChild(o tmpfsOptions) (made madeTmpfs, err error) {
	fds, err := tmpfsRole.Ask(o, &made, unix.CAP_SYS_ADMIN)
	if err == nil && len(fds) == 0 {
		err = fmt.Errorf("no descriptors came: %w", unix.EPROTO)
	}
	if err != nil {
		return madeTmpfs{}, fmt.Errorf("make a tmpfs in a user namespace: %w; an ordinary user needs user namespaces "+
			"(sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)", err)
	}
	made.root, made.contexts = fds[0], fds[1:]
	return made, nil
}
