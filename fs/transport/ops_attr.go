package transport

import "github.com/hanwen/go-fuse/v2/fuse"

func doGetattr(d *Dispatcher, r *request, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	return d.fsys.GetAttr(r.cancel, in, out)
}

func doSetattr(d *Dispatcher, r *request, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	return d.fsys.SetAttr(r.cancel, in, out)
}

// resizes says whether a SETATTR changes the size: cutting gigabytes off takes long.
func resizes(_ *Dispatcher, r *request) bool {
	return argument[fuse.SetAttrIn](r).Valid&fuse.FATTR_SIZE != 0
}

func doStatx(d *Dispatcher, r *request, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	return d.fsys.Statx(r.cancel, in, out)
}

func doAccess(d *Dispatcher, r *request, in *fuse.AccessIn, _ *none) fuse.Status {
	return d.fsys.Access(r.cancel, in)
}

func doStatfs(d *Dispatcher, r *request, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	return d.fsys.StatFs(r.cancel, in, out)
}

func doGetxattr(d *Dispatcher, r *request, in *fuse.GetXAttrIn, out *fuse.GetXAttrOut) fuse.Status {
	name, rest, ok := cutString(r.data)
	if !ok || len(rest) != 0 {
		return malformed
	}
	dest, ok := r.room(in.Size)
	if !ok {
		return malformed
	}
	n, status := d.fsys.GetXAttr(r.cancel, &in.InHeader, name, dest)
	return r.xattrReply(dest, n, status, out)
}

func doListxattr(d *Dispatcher, r *request, in *fuse.GetXAttrIn, out *fuse.GetXAttrOut) fuse.Status {
	dest, ok := r.room(in.Size)
	if !ok {
		return malformed
	}
	n, status := d.fsys.ListXAttr(r.cancel, &in.InHeader, dest)
	return r.xattrReply(dest, n, status, out)
}

// xattrReply answers both forms of the question: how large is it (no room
// given, the size is the reply) and what is it (the bytes are the reply).
func (r *request) xattrReply(dest []byte, n uint32, status fuse.Status, out *fuse.GetXAttrOut) fuse.Status {
	if len(dest) == 0 {
		// RawFileSystem says ERANGE with the size for a buffer that is too
		// small; of an empty one that is the answer and no error.
		if status == fuse.ERANGE {
			status = fuse.OK
		}
		out.Size = n
		return status
	}
	r.outLen = 0
	if status == fuse.OK && uint64(n) > uint64(len(dest)) {
		return fuse.ERANGE
	}
	if status == fuse.OK {
		r.reply = dest[:n]
	}
	return status
}

// doSetxattr serves the eight-byte struct fuse_setxattr_in: the longer one
// comes only with FUSE_SETXATTR_EXT, which is not negotiated.
func doSetxattr(d *Dispatcher, r *request, in *fuse.SetXAttrIn, _ *none) fuse.Status {
	in.SetXAttrFlags, in.Padding = 0, 0
	name, value, ok := cutString(r.data)
	if !ok || uint64(in.Size) != uint64(len(value)) {
		return malformed
	}
	return d.fsys.SetXAttr(r.cancel, in, name, value)
}

func doRemovexattr(d *Dispatcher, r *request, in *fuse.InHeader, _ *none) fuse.Status {
	name, rest, ok := cutString(r.data)
	if !ok || len(rest) != 0 {
		return malformed
	}
	return d.fsys.RemoveXAttr(r.cancel, in, name)
}
