package transport

import (
	"bytes"
	"encoding/binary"
	"io"
	"log"
	"log/slog"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// oneFile is a memFS with the file of messages.
func oneFile() *memFS {
	fsys := newMemFS()
	fsys.put("file", "contents")
	return fsys
}

func quietly(fsys fuse.RawFileSystem) *Dispatcher {
	return newDispatcher(fsys, slog.New(slog.DiscardHandler))
}

// TestOracle holds every reply against that of go-fuse's own dispatcher.
func TestOracle(t *testing.T) {
	for name, msg := range messages {
		t.Run(name, func(t *testing.T) {
			if name == "COPY64" || name == "INTERRUPT" {
				t.Skip("go-fuse does not support it on purpose (opcode.go); it has no reply here")
			}
			ours := make([]byte, 1<<17)
			n := quietly(oneFile()).Handle(slices.Clone(msg), ours)

			oracle := fuse.NewProtocolServer(oneFile(), &fuse.MountOptions{Logger: log.New(io.Discard, "", 0)})
			theirs := make([]byte, 1<<17)
			m, status := oracle.HandleRequest([][]byte{slices.Clone(msg)}, [][]byte{theirs})
			if status != fuse.OK {
				t.Fatal(status)
			}
			if !bytes.Equal(ours[:n], theirs[:m]) {
				t.Errorf("reply\n%x, go-fuse's is\n%x", ours[:n], theirs[:m])
			}
		})
	}
}

// hotFS answers the hot operations without doing anything.
type hotFS struct{ fuse.RawFileSystem }

func (hotFS) Lookup(<-chan struct{}, *fuse.InHeader, string, *fuse.EntryOut) fuse.Status { return 0 }
func (hotFS) Forget(uint64, uint64)                                                      {}
func (hotFS) GetAttr(<-chan struct{}, *fuse.GetAttrIn, *fuse.AttrOut) fuse.Status        { return 0 }
func (hotFS) SetAttr(<-chan struct{}, *fuse.SetAttrIn, *fuse.AttrOut) fuse.Status        { return 0 }
func (hotFS) Write(_ <-chan struct{}, _ *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	return uint32(len(data)), 0
}

func (hotFS) ReadBuffer(_ <-chan struct{}, _ *fuse.ReadIn, buf []byte) (int, fuse.Status) {
	return len(buf), 0
}

func (hotFS) ReadDirPlus(_ <-chan struct{}, _ *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	out.AddDirLookupEntry(fuse.DirEntry{Name: "file", Ino: 2})
	return 0
}

// TestAllocations: the hot operations cost none in this package.
func TestAllocations(t *testing.T) {
	d := quietly(hotFS{fuse.NewDefaultRawFileSystem()})
	out := make([]byte, 1<<16)
	for _, name := range []string{
		"LOOKUP", "CREATE", "TMPFILE", "OPEN", "READ", "WRITE", "GETATTR", "SETATTR", "UNLINK", "RENAME", "RENAME2",
		"MKDIR", "RMDIR", "RELEASE", "FORGET", "BATCH", "READDIR", "READDIRPLUS",
	} {
		msg := messages[name]
		if raceEnabled {
			// sync.Pool forgets on purpose; see the plain run.
			d.Handle(msg, out)
			continue
		}
		if n := testing.AllocsPerRun(200, func() { d.Handle(msg, out) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestMalformed cuts and bends every message in ways the kernel never would.
func TestMalformed(t *testing.T) {
	out := make([]byte, 1<<16)
	fixed := func(msg []byte) []byte {
		msg = slices.Clone(msg)
		if len(msg) >= 4 {
			binary.NativeEndian.PutUint32(msg, uint32(len(msg)))
		}
		return msg
	}
	for name, msg := range messages {
		op := lookupOperation(binary.NativeEndian.Uint32(msg[4:]))
		for n := range len(msg) {
			d := quietly(oneFile())
			got := d.Handle(fixed(msg[:n]), out)
			switch {
			case n < inHeaderSize || op != nil && op.noReply:
				if got != 0 {
					t.Errorf("%s cut to %d: a reply of %d bytes", name, n, got)
				}
			case op != nil && n < op.inSize && replyStatus(out[:got]) != malformed:
				t.Errorf("%s cut to %d: %v", name, n, replyStatus(out[:got]))
			}
		}
		wrong := slices.Clone(msg)
		wrong[0]++
		if got := quietly(oneFile()).Handle(wrong, out); got != 0 && op != nil && replyStatus(out[:got]) != malformed {
			t.Errorf("%s with a wrong length: %v", name, replyStatus(out[:got]))
		}
	}
	for name, msg := range map[string][]byte{
		"no NUL":            message(opLookup, 1, nil, "file"),
		"no name":           message(opLookup, 1, nil, ""),
		"empty name":        message(opLookup, 1, nil, "\x00"),
		"two names":         message(opLookup, 1, nil, "a\x00b\x00"),
		"slash":             message(opMkdir, 1, words{0, 0}, "a/b\x00"),
		"dot":               message(opMkdir, 1, words{0, 0}, ".\x00"),
		"dots":              message(opCreate, 1, words{0, 0, 0, 0}, "..\x00"),
		"one name":          message(opRename2, 1, words{1, 0, 0, 0}, "a\x00"),
		"huge read":         message(opRead, 2, words{0, 0, 0, 0, 1 << 31, 0, 0, 0, 0, 0}, ""),
		"huge list":         message(opReaddirplus, 1, words{0, 0, 0, 0, 1<<32 - 1, 0, 0, 0, 0, 0}, ""),
		"size of write":     message(opWrite, 2, words{0, 0, 0, 0, 1 << 31, 0, 0, 0, 0, 0}, "x"),
		"size of xattr":     message(opSetxattr, 2, words{1 << 31, 0}, "user.x\x00abc"),
		"huge xattr":        message(opGetxattr, 2, words{1 << 31, 0}, "user.x\x00"),
		"huge ioctl":        message(opIoctl, 2, words{0, 0, 0, 0, 0, 0, 0, 1 << 31}, ""),
		"ioctl input":       message(opIoctl, 2, words{0, 0, 0, 0, 0, 0, 1 << 31, 0}, ""),
		"symlink no target": message(opSymlink, 1, nil, "a\x00b"),
	} {
		if n := quietly(oneFile()).Handle(msg, out); replyStatus(out[:n]) != malformed {
			t.Errorf("%s: %v", name, replyStatus(out[:n]))
		}
	}
}

// TestUndo: what a lost reply granted is given back.
func TestUndo(t *testing.T) {
	for _, name := range []string{"LOOKUP", "MKNOD", "MKDIR", "SYMLINK", "LINK", "OPEN", "CREATE", "TMPFILE", "READDIRPLUS"} {
		fsys := oneFile()
		d := quietly(fsys)
		r := d.newRequest()
		r.payload = make([]byte, 1<<16)
		op, ok := r.load(messages[name])
		if !ok {
			t.Fatal(name)
		}
		d.run(op, r)
		handles, lookups := fsys.owed()
		if r.status != fuse.OK || handles+lookups == 0 {
			t.Fatalf("%s: status %v grants nothing", name, r.status)
		}
		d.undo(op, r)
		if handles, lookups = fsys.owed(); handles != 0 || lookups != 0 {
			t.Errorf("%s: %d handles and %d lookups are left", name, handles, lookups)
		}
	}
}

// dirFS has handles of directories.
type dirFS struct {
	*memFS
	open *int
}

func (f dirFS) OpenDir(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.Fh = 7
	*f.open++
	return fuse.OK
}

func (f dirFS) ReleaseDir(in *fuse.ReleaseIn) {
	if in.Fh == 7 && in.NodeId == 1 {
		*f.open--
	}
}

func TestUndoOpendir(t *testing.T) {
	fsys := dirFS{oneFile(), new(int)}
	d := quietly(fsys)
	r := d.newRequest()
	op, _ := r.load(messages["OPENDIR"])
	d.run(op, r)
	if *fsys.open != 1 {
		t.Fatal("not opened")
	}
	if d.undo(op, r); *fsys.open != 0 {
		t.Error("not released")
	}
}

// TestInterruptFindsItsRequest: the cancel channel is closed once and replaced.
func TestInterruptFindsItsRequest(t *testing.T) {
	d := quietly(oneFile())
	r := d.newRequest()
	d.interrupts.add(r)
	if _, ok := r.load(messages["LOOKUP"]); !ok {
		t.Fatal("load")
	}
	before := r.cancel
	d.interrupts.begin(r)
	for _, u := range []uint64{0, 1, 3, 4} {
		if d.interrupts.interrupt(u) {
			t.Errorf("found a request %d", u)
		}
	}
	for range 2 { // a second one finds it as well, and does nothing
		if !d.interrupts.interrupt(2) {
			t.Error("request 2 was not found")
		}
	}
	d.interrupts.cancelAll()
	<-before
	d.interrupts.end(r)
	if d.interrupts.interrupt(2) {
		t.Error("request 2 has ended")
	}
	select {
	case <-r.cancel:
		t.Error("the next request is cancelled already")
	default:
	}
}

// FuzzDispatch: no message panics or gets a reply that the kernel would refuse.
func FuzzDispatch(f *testing.F) {
	for _, msg := range messages {
		f.Add(msg)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, fsys := range []fuse.RawFileSystem{oneFile(), fuse.NewDefaultRawFileSystem()} {
			panics := new(counter)
			out := make([]byte, 1<<16)
			n := newDispatcher(fsys, slog.New(panics)).Handle(msg, out)
			if panics.n != 0 && !bytes.Contains(msg, []byte("panic")) {
				t.Error("the handler panicked")
			}
			if n == 0 {
				continue
			}
			if got := binary.NativeEndian.Uint32(out); int(got) != n {
				t.Errorf("reply of %d bytes says %d", n, got)
			}
			if st := replyStatus(out[:n]); st < 0 || st >= 512 || st != 0 && n != outHeaderSize {
				t.Errorf("reply of %d bytes with status %v", n, st)
			}
		}
	})
}
