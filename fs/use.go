package fs

import (
	"vanishfs/fs/store"
)

// Use is what there is and what of it is in use, bytes; 0 as a limit is unlimited, and Free means something all the same.
type Use struct {
	Size, Used, Free   int64
	Inodes, InodesUsed int64
	Tiers              store.Tiers // where the bytes are, if some can be on a disk
}

// Use is that of the whole mount.
func (f *FS) Use() (Use, error) { return f.use(nil) }

// use is that of the tightest domain of whoever is in scope, nil being the mount's own.
func (f *FS) use(scope *Scope) (Use, error) {
	u, err := f.store.Usage()
	if err != nil {
		return Use{}, err
	}
	d := f.scopeDomain(scope).Tightest()
	use := Use{Size: u.Size, Used: u.Used, Free: u.Free, Inodes: d.Inodes, InodesUsed: d.InodesUsed}
	if f.opts.AccountBytes && d.Bytes > 0 && d.BytesFree() < u.Free {
		use.Size, use.Used, use.Free = d.Bytes, d.BytesUsed, d.BytesFree()
	}
	if d, ok := f.store.(store.Disk); ok {
		use.Tiers = d.Tiers()
	}
	return use, nil
}
