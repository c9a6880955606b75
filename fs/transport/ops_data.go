package transport

import "github.com/hanwen/go-fuse/v2/fuse"

// A ReadBuffer is a RawFileSystem that reads straight into the reply. It is
// asked instead of Read: a fuse.ReadResult is an allocation for every request.
type ReadBuffer interface {
	// ReadBuffer reads into buf, which is as long as the kernel asked for, and
	// says how many bytes it read. Less than len(buf) is the end of the file.
	ReadBuffer(cancel <-chan struct{}, input *fuse.ReadIn, buf []byte) (int, fuse.Status)
}

// A Disk is a RawFileSystem whose data may lie on a disk. It is asked before a
// request is answered where others would have to wait for it; an answer that
// turns out wrong costs time only. Both must be quick.
type Disk interface {
	// SlowRead says whether a READ may wait for a disk.
	SlowRead(input *fuse.ReadIn) bool
	// SlowWrite says whether a WRITE may wait for a disk.
	SlowWrite(input *fuse.WriteIn) bool
}

func readsDisk(d *Dispatcher, r *request) bool {
	return d.onDisk != nil && d.onDisk.SlowRead(argument[fuse.ReadIn](r))
}

func writesDisk(d *Dispatcher, r *request) bool {
	return d.onDisk != nil && d.onDisk.SlowWrite(argument[fuse.WriteIn](r))
}

// muchData is how many bytes take about as long to move as ten requests.
const muchData = 256 << 10

func isBulky(_ *Dispatcher, r *request) bool {
	if r.header().Opcode == opRead {
		return argument[fuse.ReadIn](r).Size >= muchData
	}
	return len(r.data) >= muchData
}

func seeksFar(d *Dispatcher, r *request) bool {
	return d.freer != nil && d.freer.SlowSeek(argument[fuse.LseekIn](r))
}

func doRead(d *Dispatcher, r *request, in *fuse.ReadIn, _ *none) fuse.Status {
	buf, ok := r.room(in.Size)
	if !ok {
		return malformed
	}
	if d.reader != nil {
		n, status := d.reader.ReadBuffer(r.cancel, in, buf)
		if status == fuse.OK {
			r.reply = buf[:n]
		}
		return status
	}
	res, status := d.fsys.Read(r.cancel, in, buf)
	if res == nil {
		return status
	}
	defer res.Done()
	if status != fuse.OK {
		return status
	}
	r.reply, status = res.Bytes(buf)
	if !sameMemory(r.reply, buf) {
		// Done may take the result's memory back before the reply is sent.
		r.reply = buf[:copy(buf, r.reply)]
	}
	return status
}

func doWrite(d *Dispatcher, r *request, in *fuse.WriteIn, out *fuse.WriteOut) (status fuse.Status) {
	if uint64(in.Size) != uint64(len(r.data)) {
		return malformed
	}
	out.Size, status = d.fsys.Write(r.cancel, in, r.data)
	return status
}

func doLseek(d *Dispatcher, r *request, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	return d.fsys.Lseek(r.cancel, in, out)
}

func doFallocate(d *Dispatcher, r *request, in *fuse.FallocateIn, _ *none) fuse.Status {
	return d.fsys.Fallocate(r.cancel, in)
}

func doCopyFileRange(d *Dispatcher, r *request, in *fuse.CopyFileRangeIn, out *fuse.WriteOut) (status fuse.Status) {
	out.Size, status = d.fsys.CopyFileRange(r.cancel, in)
	return status
}

// doCopyFileRange64 copies what the 32-bit answer of RawFileSystem can tell;
// the kernel asks again for the rest.
func doCopyFileRange64(d *Dispatcher, r *request, in *fuse.CopyFileRangeIn, out *fuse.CopyFileRangeOut) fuse.Status {
	in.Len = min(in.Len, 1<<30)
	n, status := d.fsys.CopyFileRange(r.cancel, in)
	out.BytesCopied = uint64(n)
	return status
}

func doIoctl(d *Dispatcher, r *request, in *fuse.IoctlIn, out *fuse.IoctlOut) fuse.Status {
	buf, ok := r.room(in.OutSize)
	if !ok || uint64(in.InSize) != uint64(len(r.data)) {
		return malformed
	}
	clear(buf)
	status := d.fsys.Ioctl(r.cancel, in, r.data, out, buf)
	r.reply = buf
	return status
}
