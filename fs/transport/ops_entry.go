package transport

import "github.com/hanwen/go-fuse/v2/fuse"

func doLookup(d *Dispatcher, r *request, in *fuse.InHeader, out *fuse.EntryOut) fuse.Status {
	name, ok := r.name()
	if !ok {
		return malformed
	}
	return d.fsys.Lookup(r.cancel, in, name, out)
}

func doMknod(d *Dispatcher, r *request, in *fuse.MknodIn, out *fuse.EntryOut) fuse.Status {
	name, ok := r.name()
	if !ok {
		return malformed
	}
	return d.fsys.Mknod(r.cancel, in, name, out)
}

func doMkdir(d *Dispatcher, r *request, in *fuse.MkdirIn, out *fuse.EntryOut) fuse.Status {
	name, ok := r.name()
	if !ok {
		return malformed
	}
	return d.fsys.Mkdir(r.cancel, in, name, out)
}

func doLink(d *Dispatcher, r *request, in *fuse.LinkIn, out *fuse.EntryOut) fuse.Status {
	name, ok := r.name()
	if !ok {
		return malformed
	}
	return d.fsys.Link(r.cancel, in, name, out)
}

// doSymlink gets the name first, then the target, which may be any string.
func doSymlink(d *Dispatcher, r *request, in *fuse.InHeader, out *fuse.EntryOut) fuse.Status {
	name, rest, ok := cutString(r.data)
	if !ok || !validName(name) {
		return malformed
	}
	target, rest, ok := cutString(rest)
	if !ok || len(rest) != 0 {
		return malformed
	}
	return d.fsys.Symlink(r.cancel, in, target, name, out)
}

func doUnlink(d *Dispatcher, r *request, in *fuse.InHeader, _ *none) fuse.Status {
	name, ok := r.name()
	if !ok {
		return malformed
	}
	return d.fsys.Unlink(r.cancel, in, name)
}

func doRmdir(d *Dispatcher, r *request, in *fuse.InHeader, _ *none) fuse.Status {
	name, ok := r.name()
	if !ok {
		return malformed
	}
	return d.fsys.Rmdir(r.cancel, in, name)
}

// A Freer is a RawFileSystem some of whose files have so much content that to give it back, or to look
// through it, takes long. It is asked where others would have to wait for it, as a Disk is.
type Freer interface {
	// SlowUnlink says whether to unlink name in the directory, or to rename another
	// file to it, takes long.
	SlowUnlink(dir uint64, name string) bool
	// SlowRelease says whether a RELEASE takes long.
	SlowRelease(input *fuse.ReleaseIn) bool
	// SlowOpen says whether an OPEN takes long, which with O_TRUNC empties the file.
	SlowOpen(input *fuse.OpenIn) bool
	// SlowCreate says whether a CREATE takes long, which may find a file and empty it.
	SlowCreate(input *fuse.CreateIn, name string) bool
	// SlowSeek says whether to look for data or a hole takes long.
	SlowSeek(input *fuse.LseekIn) bool
}

func unlinksMuch(d *Dispatcher, r *request) bool {
	name, ok := r.name()
	return ok && d.freer != nil && d.freer.SlowUnlink(r.header().NodeId, name)
}

// replacesMuch needs only what RENAME and RENAME2 have in common.
func replacesMuch(d *Dispatcher, r *request) bool {
	_, to, ok := cutString(r.data)
	if !ok || d.freer == nil {
		return false
	}
	name, _, ok := cutString(to)
	return ok && d.freer.SlowUnlink(argument[fuse.RenameIn](r).Newdir, name)
}

func emptiesMuch(d *Dispatcher, r *request) bool {
	return d.freer != nil && d.freer.SlowOpen(argument[fuse.OpenIn](r))
}

func createsOver(d *Dispatcher, r *request) bool {
	name, ok := r.name()
	return ok && d.freer != nil && d.freer.SlowCreate(argument[fuse.CreateIn](r), name)
}

func releasesMuch(d *Dispatcher, r *request) bool {
	return d.freer != nil && d.freer.SlowRelease(argument[fuse.ReleaseIn](r))
}

// doRename serves struct fuse_rename_in, which has no flags: the memory behind
// it is of an earlier request.
func doRename(d *Dispatcher, r *request, in *fuse.RenameIn, out *none) fuse.Status {
	in.Flags, in.Padding = 0, 0
	return doRename2(d, r, in, out)
}

func doRename2(d *Dispatcher, r *request, in *fuse.RenameIn, _ *none) fuse.Status {
	from, rest, ok := cutString(r.data)
	if !ok || !validName(from) {
		return malformed
	}
	to, rest, ok := cutString(rest)
	if !ok || len(rest) != 0 || !validName(to) {
		return malformed
	}
	return d.fsys.Rename(r.cancel, in, from, to)
}

func doReadlink(d *Dispatcher, r *request, in *fuse.InHeader, _ *none) (status fuse.Status) {
	r.reply, status = d.fsys.Readlink(r.cancel, in)
	return status
}

func doForget(d *Dispatcher, _ *request, in *fuse.ForgetIn, _ *none) fuse.Status {
	d.fsys.Forget(in.NodeId, in.Nlookup)
	return fuse.OK
}

// batchForgetIn is struct fuse_batch_forget_in.
type batchForgetIn struct {
	fuse.InHeader
	count, _ uint32
}

func doBatchForget(d *Dispatcher, r *request, in *batchForgetIn, _ *none) fuse.Status {
	list := forgets(r.data)
	if uint64(in.count) < uint64(len(list)) {
		list = list[:in.count]
	}
	for _, f := range list {
		d.fsys.Forget(f.node, f.nlookup)
	}
	return fuse.OK
}

// undoEntry gives back the lookup of an entry the kernel never got.
func undoEntry(d *Dispatcher, r *request) {
	if node := result[fuse.EntryOut](r).NodeId; node != 0 {
		d.fsys.Forget(node, 1)
	}
}
