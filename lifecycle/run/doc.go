// Package run is `vanishfs run`: one session for one process tree.
//
// # Processes
//
//	front      the process the user started: terminal, signals, exit code
//	├ daemon   makes the mount and serves it
//	└ init     in a mount namespace of its own: puts the mount there, starts the command, ends what it leaves behind
//	  └ CMD
//
// There is no PID namespace: pids mean the same inside and outside. For an ordinary
// user daemon and init each start in a user namespace that maps only him, to himself:
// one to open /dev/fuse and mount it, as the kernel wants both in the same
// (fs/fuse/inode.c, fuse_fill_super), the other to have a mount namespace. CMD gets no
// capability that way.
//
// Daemon and init are the same program again, with a name of their own in argv[0]; they
// start at the same time. They learn what to do from a plan in a memfd, and talk over
// three socket pairs, one for each two of the three, which also tell at once when
// somebody has died.
//
// # Ends
//
// Front and init are child subreapers (prctl(2)), so what any process below leaves
// behind becomes theirs, however often it has forked away: no descendant is ever lost,
// and "wait says ECHILD" is "all are gone".
//
//   - CMD ends: init asks the rest to end (SIGTERM), kills it after a grace period, and
//     ends; so do daemon and front.
//   - front or daemon dies: init kills what is below it, and ends.
//   - init dies: the kernel kills CMD (PR_SET_PDEATHSIG), the front what is left; the
//     daemon does so too, in case that the front has died as well, and knows them by
//     the mount in their mount table.
//
// The mount is attached nowhere but in the session's namespace, and the bytes hang on
// descriptors of the daemon, so both are gone when the processes are.
//
// Two things only a PID namespace could do. When all three are killed at the same
// instant, CMD dies, but what it has put into the background is left, with a dead
// mount. And when front and init are, the daemon misses who has both left the session's
// namespace and unmounted the filesystem there.
//
// # Terminal and signals
//
// CMD is in the process group of the front: what the terminal sends, it gets itself.
// Daemon and init are in a group of their own, so that neither ^C nor ^Z nor kill -9 of
// the whole job takes the filesystem from under what is still running. Signals sent to
// the front are passed on to CMD, except for SIGINT, SIGQUIT, SIGTSTP and SIGWINCH
// while the front's group is in the foreground of its terminal: CMD has them already,
// and who sent a signal cannot be seen from Go. When CMD stops, the front stops too, and
// continues it when it is continued.
//
// Signals that the caller ignores stay ignored for CMD where Go's runtime lets us see
// it: SIGHUP, SIGINT (SIGQUIT goes with it, as in a shell's background job) and the
// stop signals.
//
// # What the command finds
//
// Everything as outside (uid, groups, environment, umask, limits, descriptors, working
// directory), but:
//
//   - every DIR of --at is a new, empty directory.
//   - TMPDIR, TMP, TEMP and TEMPDIR, where set to something outside of every DIR, are
//     the first DIR; where they name a directory below a DIR, it is there.
//   - a working directory below DIR is the same path inside if that exists there (DIR
//     itself, or exposed); else it stays the outer directory, which works but has no
//     name inside.
//   - in a user namespace, ids of others show as nobody, setuid programs have no effect,
//     and no file can be given to another group of the user's: EINVAL, from the kernel
//     (fs/open.c, chown_common). newuidmap and newgidmap would not change that: they map what
//     subuid(5) and subgid(5) list, which is neither root nor the user's groups.
//
// Mounts made outside later appear inside, as with systemd's PrivateTmp; mounts made
// inside never appear outside.
package run
