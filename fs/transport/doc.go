// Package transport carries the kernel's FUSE messages to any
// fuse.RawFileSystem and the replies back.
//
// A Dispatcher knows the messages and nothing of where they come from: one
// table, indexed by opcode, unpacks a request, calls the filesystem and packs
// the reply. A transport feeds it. Two exist: the /dev/fuse loop (dev*.go),
// which works everywhere, and FUSE over io_uring (uring*.go, Linux 6.14), which
// answers on the CPU of the caller. A Server owns one connection: handshake,
// transport, notifications, registration of passthrough files, and the end of
// the connection.
//
// # Memory of a request
//
// Every worker has one request, which it uses again for each message. The fixed
// part of a message is copied into it, so that it can be cast to go-fuse's In
// structs; names and data stay where the kernel wrote them. So what the
// filesystem is given is valid during the call only. No hot operation allocates.
//
// A filesystem that implements ReadBuffer serves READ without the one
// allocation that a fuse.ReadResult costs.
//
// # Malformed requests
//
// The kernel sends none, but nothing here relies on it: lengths, terminating
// NULs and sizes are checked before the filesystem sees anything, and a wrong
// one is answered with EIO. An unknown opcode is ENOSYS. A handler that panics
// is EIO and a log line.
//
// # Interrupts
//
// INTERRUPT closes the cancel channel of the request it names. A request's
// channel is replaced only after that has happened, so the usual request
// allocates none.
//
// # Turns
//
// What takes long must not make others wait: neither the thread that receives
// requests, nor the entries of a queue, nor the CPUs are one user's. An
// operation's pace says where a request is answered. Of what is slow so many
// of one user's go on at a time as there are CPUs, twice as many of all, and
// more of those that wait for a disk; the rest waits in a line for each user,
// without a thread, and users take turns. On io_uring each that waits has an
// entry of its queue, so more are registered while few are left. What waits in
// line holds no lock of ours. What the kernel sends with a directory locked is
// never put in line. A READ or WRITE of many bytes is not slow by itself: a queue's
// thread puts it off until nothing quick is there, a reader of /dev/fuse leaves
// it to its turn where others are at work.
//
// That has bounds: past mostWaiting requests, or mostWaitingBytes of data that
// came with them, or mostEntries of one thread, the kernel keeps what comes,
// of all users. A user needs many more than 64 threads for that.
//
// # Lock order
//
//	Server.use        shared to use the device's descriptor, exclusive to close or replace it
//	  Server.mu
//	interrupts.mu
//	  turns.mu
//	readers.mu, handoffs.mu, settler.mu, follower.trying    each taken alone
//
// No lock is held while the filesystem is called. A notification and the
// registration of a passthrough file enter the kernel with Server.use held,
// shared. Abort wakes the threads that sleep, by a signal or an eventfd, with
// both locks of the Server held: neither waits. The holder of follower.trying
// reads from /proc, so nobody waits for it: it is tried only.
package transport
