// Package run is `vanishfs run`: one session for one process tree.
//
// # Processes
//
//	front      the process the user started: terminal, signals, exit code
//	├ daemon   makes the mount and serves it
//	└ init     in a mount namespace of its own: puts the mount there, starts the command, ends what it leaves behind
//	  └ CMD
//
// There is no PID namespace: pids mean the same inside and outside. For an
// ordinary user, daemon and init each start in a user namespace that maps only
// him, to himself. The daemon needs one because the kernel wants /dev/fuse opened
// and mounted in the same one (fs/fuse/inode.c, fuse_fill_super); init needs one
// to have a mount namespace. CMD gets no capability that way.
//
// Daemon and init are the same program again, with names of their own in argv[0],
// and start at the same time. A plan in a memfd tells them what to do. Each two of
// the three processes share a socket pair, over which they talk and which tells at
// once when one of them has died.
//
// # Ends
//
// Front and init are child subreapers (prctl(2)): what any process below them
// leaves behind becomes their child, however often it has forked away. So no
// descendant is ever lost, and when wait says ECHILD all are gone.
//
//   - CMD ends: init asks the rest to end (SIGTERM), kills it after a grace
//     period, and ends; so do daemon and front.
//   - front or daemon dies: init kills what is below it, and ends.
//   - init dies: the kernel kills CMD (PR_SET_PDEATHSIG), and the front what is
//     left. The daemon does so too, in case the front has died as well: it finds
//     the processes of the session by the mount in their mount table.
//
// The mount is attached in the session's namespace only, and the bytes hang on
// descriptors of the daemon, so both are gone when the processes are.
//
// Two things only a PID namespace could do. If all three are killed at the same
// instant, CMD dies, but what it has put into the background goes on, with a dead
// mount. If front and init are, the daemon does not find a process that has left
// the session's namespace and unmounted the filesystem there.
//
// # Terminal and signals
//
// CMD is in the process group of the front, so it gets itself what the terminal
// sends. Daemon and init are in a group of their own, so that ^C, ^Z or kill -9 of
// the whole job does not take the filesystem away from what still runs.
//
// Signals sent to the front are passed on to CMD. SIGINT, SIGQUIT, SIGTSTP and
// SIGWINCH are not, while the front's group is in the foreground of its terminal:
// CMD has them already, and Go does not show who sent a signal. When CMD stops, the
// front stops too; when the front is continued, it continues CMD.
//
// Signals that the caller ignores stay ignored for CMD where Go's runtime shows
// them: SIGHUP, SIGINT (SIGQUIT goes with it, as in a shell's background job) and
// the stop signals.
//
// # What the command finds
//
// Everything is as outside: uid, groups, environment, umask, limits, descriptors,
// working directory. These differ:
//
//   - Every DIR of --at is a new, empty directory.
//   - TMPDIR, TMP, TEMP and TEMPDIR, where set to something outside of every DIR,
//     are the first DIR. Where they name a directory below a DIR, it exists.
//   - A working directory below DIR is the same path inside if that exists there
//     (DIR itself, or exposed). Otherwise it stays the outer directory, which works
//     but has no name inside.
//   - In a user namespace, ids of others show as nobody, setuid programs have no
//     effect, and no file can be given to another group of the user's: that is EINVAL,
//     from the kernel (fs/open.c, chown_common). newuidmap and newgidmap would not
//     change that: they map what subuid(5) and subgid(5) list, which is neither root
//     nor the user's groups.
//
// Mounts made outside later appear inside, as with systemd's PrivateTmp. Mounts
// made inside never appear outside.
package run
