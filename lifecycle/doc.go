// Package lifecycle makes mounts and ends them.
//
// A Config says what a mount is made of; the options of package option come to
// one. Validate (validate.go) says what is wrong with it; derive.go has what
// follows from it for each part. Start wires
// store, quota, tree and transport together, has the Attacher that it is given
// mount the result, and serves it. Serve is Start at a mount point, until that is
// unmounted. Daemonize is Serve in a background process. Package run is Start for
// one process tree. What users see of all this is in the manual, vanishfs(1) and
// vanishfs(5), cmd/vanishfs/man.
//
// A Mount says what is used, which sessions there are and which files are open, ends a session and changes
// options, all beside its requests: it is what a front end of any kind is made of. What is asked for through the filesystem itself
// (package control, .vanish/status, extended attributes) comes to the same methods.
//
// # Mount points
//
// Root mounts without help, others through fusermount3. A vanishfs whose daemon
// has died is taken away from the mount point first; one that is alive is
// ErrBusy; anything else there is mounted over, as mount(8) does. An ordinary
// user may cover only a directory that he may write to. The root directory and
// the empty path are refused.
//
// # The background process
//
// It has a session of its own, the root as its directory, and none of the
// caller's descriptors. It logs to the caller's standard error until the mount is
// ready, and afterwards to the machine's log where there is one (/dev/log: the
// journal or syslog); Serve in the foreground goes on logging to standard error.
// SIGTERM and SIGINT unmount and end it, also where the mount is in use; so does
// an unmount by anybody else. If the caller of Daemonize is killed before he could
// be told that the mount is ready, nothing stays mounted.
package lifecycle
