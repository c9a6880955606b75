// Package transport carries the kernel's FUSE messages to any
// fuse.RawFileSystem and the replies back.
//
// A Dispatcher knows the messages and nothing of where they come from: one
// table, indexed by opcode, unpacks a request, calls the filesystem and packs
// the reply. A transport feeds it. Two exist: the /dev/fuse loop (dev*.go),
// which works everywhere, and FUSE over io_uring (uring*.go, Linux 6.14), which
// answers on the CPU of the caller. A Server owns one connection: handshake,
// transport, notifications, registration of passthrough files, and its end.
//
// # Memory of a request
//
// Every worker has one request and uses it again and again: the fixed part of
// a message is copied into it (so that it can be cast to go-fuse's In structs),
// names and data stay where the kernel wrote them. What the filesystem is given
// is therefore valid only during the call. No hot operation allocates.
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
// # Lock order
//
//	Server.use
//	  Server.mu
//	interrupts.mu
//
// No lock but Server.use, shared, is held while the filesystem is called or a
// descriptor is read or written.
package transport
