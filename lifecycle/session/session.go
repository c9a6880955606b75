// Package session makes the sessions and the users' limits inside one mount. It
// says which scope a file belongs to that a process creates, and has the tree end
// a scope when the processes of its session have ended.
//
// A session is a process, a POSIX session or a cgroup. A scope is one session or,
// where users have limits, one user's part of a session. A file is charged to the
// mount, within it to its user, and within that to its session.
//
// # Identity
//
// The kernel uses numbers of processes and sessions again. So each time a number
// is used, the kernel is asked whether it still means the same. That takes one or
// two system calls, which do not block and, but for cgroups, make no descriptor:
//
//   - a process is known by a pidfd that is held (a number is not used again while
//     its process lives), and a thread of it by tgkill with signal 0;
//   - a POSIX session is known by a member that is held and is still in it. Nobody
//     who leaves a session comes back, so in between there was no other session of
//     that number;
//   - a cgroup is known by its id, which is never used again.
//
// The caller of a request waits for the answer and cannot be killed meanwhile
// (fs/fuse/dev.c, request_wait_answer), so its thread id means the caller as long
// as ScopeOf runs.
//
// # Locks
//
//	Manager.mu
//	    subordinates.mu, taken alone in here
//	    users.mu
//	threads.mu
package session

// A session is the processes whose files go together.
type session struct {
	// Constant.
	id   uint64
	name string // shown in status

	life   life   // guarded by Manager.mu; replaced by the watcher only
	scopes scopes // guarded by Manager.mu
}

// A kind is one way to tell sessions apart. Its methods may be called from any goroutine.
type kind interface {
	// identify says which session the thread is in, and fails where that takes begin to find out.
	identify(tid int) (id uint64, ok bool)
	// begin makes the session that the thread is in. An error is that of a process which cannot be
	// seen or watched.
	begin(tid int) (*session, error)
}

// A life tells whether a session goes on. It is immutable and owns its descriptor.
type life interface {
	// watched is a descriptor on which one of the epoll events comes when the session may have
	// ended; -1 for one that never does.
	watched() (fd int, events uint32)
	// same says whether the session's id stands for it at this moment. It must not block.
	same() bool
	// next is called by the watcher after an event: the same life, another one in its place, or nil
	// if the session is over.
	next() life
	// resumed says that there is somebody in the session again after next was nil. Manager.mu is
	// held, so nobody is given the session meanwhile.
	resumed() bool
	close()
}
