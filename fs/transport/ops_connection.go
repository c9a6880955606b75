package transport

import "github.com/hanwen/go-fuse/v2/fuse"

// doInterrupt has a reply only when the request is not here: EAGAIN makes the
// kernel send the interrupt again while the request is unanswered
// (fs/fuse/dev.c, fuse_dev_do_write). That happens when the interrupt
// overtakes its request between two workers.
func doInterrupt(d *Dispatcher, r *request, in *fuse.InterruptIn, _ *none) fuse.Status {
	if d.interrupts.interrupt(in.Unique) {
		return fuse.OK
	}
	r.quiet = false
	return fuse.EAGAIN
}

// doDestroy answers the last request of a block-device mount; there is nothing
// to do that the end of the connection does not do.
func doDestroy(*Dispatcher, *request, *fuse.InHeader, *none) fuse.Status { return fuse.OK }
