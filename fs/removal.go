package fs

import "syscall"

// lingerLocked schedules removal for when the file stayed closed for a while.
// Precondition: n.mu is held, and n has no handle.
func (f *FS) lingerLocked(n *inode) {
	x := n.extraLocked()
	if x.linger != nil {
		f.lingering.cancel(x.linger)
	}
	x.linger = f.lingering.add(n, f.linger())
}

// lingered is the end of that while.
func (f *FS) lingered(l *lapse[*inode]) {
	n := l.value
	n.mu.Lock()
	due := n.ext.linger == l && n.opens == 0 && n.removal == RemoveClose
	if due {
		n.ext.linger = nil
		n.vanished = true
	}
	n.mu.Unlock()
	if due {
		f.removeNames(n)
		f.dropIfUnused(n)
	}
}

// removeNames removes every name of n, which is vanished: nobody can open it
// any more, and a new name can come only from a link that was under way.
func (f *FS) removeNames(n *inode) {
	for names := n.names(); len(names) > 0; names = n.names() {
		for _, d := range names {
			f.removeName(d)
		}
	}
}

// removeName removes one name, unless somebody else did or it is a directory
// that is not empty, and says whether it is gone.
func (f *FS) removeName(d *dentry) bool {
	n := d.node
	dir := d.parent.dir
	dir.mu.Lock()
	gone := dir.children[d.name] != d
	if !gone && (!n.isDir() || f.killIfEmpty(n) == nil) {
		f.unplace(d.parent, d, f.clock.now())
		gone = true
		n.mu.Lock()
		n.vanished = n.vanished || n.nlink == 0
		tell := notice{parent: d.parent.id, child: n.id, name: d.name, cached: f.mayBeCachedLocked(n), open: n.opens > 0}
		n.mu.Unlock()
		f.notices.send(tell)
	}
	dir.mu.Unlock()
	return gone
}

// mayBeCachedLocked says whether the kernel may remember names of n for long: those of a file
// that goes at its last close are given to it without a timeout.
// Precondition: n.mu is held.
func (f *FS) mayBeCachedLocked(n *inode) bool {
	return f.nameValid == forever && (n.typ != syscall.S_IFREG || n.removal != RemoveClose || n.remembered)
}

// setRemoval overrides the policy of a file, or of a directory and what will be
// created in it. Names that the kernel remembers stay: to drop them would be to
// unlink them in the eyes of whoever is in that directory or has that file open
// (fs/dcache.c, d_invalidate). It is told when they are removed.
func (f *FS) setRemoval(n *inode, r Removal) {
	if n.isDir() {
		n.dir.mu.Lock()
		n.dir.removal = r
		n.dir.mu.Unlock()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.remembered = n.remembered || n.removal != RemoveClose
	n.removal = f.removal(r)
}
