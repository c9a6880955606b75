package fs

// Empty takes the content from every file that somebody has open or mapped, and says whether there was one. It is
// for the end of the mount, beside the requests: descriptors and mappings may outlive the connection, the pages that
// the kernel has cached for them as well, and so may what a backing file holds. What is read from them then is
// nothing, and a mapping raises SIGBUS.
func (f *FS) Empty() (used bool) {
	for n := range f.nodes.all() {
		n.mu.Lock()
		c := n.file
		if c == nil || n.opens == 0 && (!n.mapped || n.settledLocked()) || c.Open() != nil {
			n.mu.Unlock()
			continue
		}
		n.mu.Unlock()
		used = true
		if err := c.Truncate(0); err != nil {
			f.log.Error("cannot empty a file at the end of the mount", "error", err)
		}
		c.Close()
		_ = f.kernel.InvalInode(n.id, 0, 0) // it may be over already
	}
	return used
}
