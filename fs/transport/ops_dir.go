package transport

import "github.com/hanwen/go-fuse/v2/fuse"

func doOpendir(d *Dispatcher, r *request, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return d.fsys.OpenDir(r.cancel, in, out)
}

func doReleasedir(d *Dispatcher, _ *request, in *fuse.ReleaseIn, _ *none) fuse.Status {
	d.fsys.ReleaseDir(in)
	return fuse.OK
}

func doFsyncdir(d *Dispatcher, r *request, in *fuse.FsyncIn, _ *none) fuse.Status {
	return d.fsys.FsyncDir(r.cancel, in)
}

func doReaddir(d *Dispatcher, r *request, in *fuse.ReadIn, _ *none) fuse.Status {
	return listInto(r, in, d.fsys.ReadDir)
}

func doReaddirplus(d *Dispatcher, r *request, in *fuse.ReadIn, _ *none) fuse.Status {
	return listInto(r, in, d.fsys.ReadDirPlus)
}

// mostListed is the most that is listed at a time, bytes: some hundred names. The kernel asks again.
const mostListed = 128 << 10

func listInto(r *request, in *fuse.ReadIn, list func(<-chan struct{}, *fuse.ReadIn, *fuse.DirEntryList) fuse.Status) fuse.Status {
	buf, ok := r.room(in.Size)
	if !ok {
		return malformed
	}
	buf = buf[:min(len(buf), mostListed)]
	r.dents = *fuse.NewDirEntryList(buf, in.Offset)
	status := list(r.cancel, in, &r.dents)
	r.reply = r.dents.Bytes()
	return status
}

func undoOpendir(d *Dispatcher, r *request) {
	in := argument[fuse.OpenIn](r)
	d.fsys.ReleaseDir(&fuse.ReleaseIn{InHeader: in.InHeader, Fh: result[fuse.OpenOut](r).Fh, Flags: in.Flags})
}

// undoReaddirplus forgets every entry that carried a lookup.
func undoReaddirplus(d *Dispatcher, r *request) {
	_, entries, err := fuse.ParseDirLookupEntries(r.reply)
	if err != nil {
		d.log.Error("readdirplus reply is malformed", "error", err)
		return
	}
	for i := range entries {
		if node := entries[i].NodeId; node != 0 {
			d.fsys.Forget(node, 1)
		}
	}
}
