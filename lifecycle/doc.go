// Package lifecycle makes mounts and ends them.
//
// A Config says what a mount is made of, for the options of package option: Validate (validate.go) says what is
// wrong with it, derive.go what follows from it for each part. Start wires
// store, quota, tree and transport and serves; what it serves is mounted by the
// Attacher it is given. Serve is Start at a mount point, until that is
// unmounted; Daemonize is Serve in a background process. Package run is Start
// for one process tree.
//
// # Mount points
//
// Root mounts by himself, others through fusermount3. A vanishfs whose daemon
// has died is taken away from the mount point, one that is alive is ErrBusy,
// and anything else there is mounted over, as mount(8) does. An ordinary user
// may only cover a directory that he may write to. The root directory and the
// empty path are refused.
//
// # The background process
//
// It has a session of its own, the root as its directory and none of the
// caller's descriptors, and it logs to the caller's standard error until the
// mount is ready, to the machine's log afterwards where there is one (/dev/log: the
// journal or syslog); Serve in the foreground goes on logging to standard error. SIGTERM and SIGINT unmount, lazily where the mount is in use, and
// end it; so does an unmount by anybody else. If the caller of Daemonize is
// killed before he could be told that the mount is ready, nothing stays mounted.
package lifecycle
