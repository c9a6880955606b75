package transport

import "github.com/hanwen/go-fuse/v2/fuse"

func doCreate(d *Dispatcher, r *request, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	name, ok := r.name()
	if !ok {
		return malformed
	}
	return d.fsys.Create(r.cancel, in, name, out)
}

// doTmpfile gets the name of the kernel's anonymous dentry, "/", which names
// nothing (fs/fuse/dir.c, fuse_tmpfile).
func doTmpfile(d *Dispatcher, r *request, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	if _, rest, ok := cutString(r.data); !ok || len(rest) != 0 {
		return malformed
	}
	return d.fsys.Tmpfile(r.cancel, in, out)
}

func doOpen(d *Dispatcher, r *request, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return d.fsys.Open(r.cancel, in, out)
}

func doRelease(d *Dispatcher, r *request, in *fuse.ReleaseIn, _ *none) fuse.Status {
	d.fsys.Release(r.cancel, in)
	return fuse.OK
}

func doFlush(d *Dispatcher, r *request, in *fuse.FlushIn, _ *none) fuse.Status {
	return d.fsys.Flush(r.cancel, in)
}

func doFsync(d *Dispatcher, r *request, in *fuse.FsyncIn, _ *none) fuse.Status {
	return d.fsys.Fsync(r.cancel, in)
}

// undoCreate and undoOpen give back handles of which the kernel never heard,
// so that it will never release them.
func undoCreate(d *Dispatcher, r *request) {
	in, out := argument[fuse.CreateIn](r), result[fuse.CreateOut](r)
	header := in.InHeader
	header.NodeId = out.NodeId
	d.fsys.Release(r.cancel, &fuse.ReleaseIn{InHeader: header, Fh: out.Fh, Flags: in.Flags})
	undoEntry(d, r)
}

func undoOpen(d *Dispatcher, r *request) {
	in := argument[fuse.OpenIn](r)
	d.fsys.Release(r.cancel, &fuse.ReleaseIn{InHeader: in.InHeader, Fh: result[fuse.OpenOut](r).Fh, Flags: in.Flags})
}

func doGetlk(d *Dispatcher, r *request, in *fuse.LkIn, out *fuse.LkOut) fuse.Status {
	return d.fsys.GetLk(r.cancel, in, out)
}

func doSetlk(d *Dispatcher, r *request, in *fuse.LkIn, _ *none) fuse.Status {
	return d.fsys.SetLk(r.cancel, in)
}

func doSetlkw(d *Dispatcher, r *request, in *fuse.LkIn, _ *none) fuse.Status {
	return d.fsys.SetLkw(r.cancel, in)
}
