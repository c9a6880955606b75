// Package fuzz drives the real tree, over a real store, with messages that no
// kernel would send.
package fuzz

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs"
	"vanishfs/fs/process"
	"vanishfs/fs/store"
	"vanishfs/fs/transport"
	"vanishfs/quota"
)

func TestMain(m *testing.M) {
	process.Become()
	os.Exit(m.Run())
}

// panics counts what the dispatcher logs of handlers that panicked.
type panics struct {
	slog.Handler
	t *testing.T
}

func (p panics) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panicked") {
		var text []string
		r.Attrs(func(a slog.Attr) bool {
			text = append(text, a.String())
			return true
		})
		p.t.Errorf("%s\n%s", r.Message, strings.Join(text, "\n"))
	}
	return nil
}
func (panics) Enabled(context.Context, slog.Level) bool { return true }

// deaf is a kernel that knows nothing.
type deaf struct{}

func (deaf) RegisterBacking(int) (int32, error)       { return 0, syscall.EPERM }
func (deaf) UnregisterBacking(int32) error            { return nil }
func (deaf) ExpireEntries() error                     { return nil }
func (deaf) ExpireEntry(uint64, string) error         { return nil }
func (deaf) DeleteEntry(uint64, uint64, string) error { return nil }
func (deaf) Prune([]uint64) error                     { return nil }
func (deaf) InvalInode(uint64, int64, int64) error    { return nil }

const (
	headerSize = 40
	mostOps    = 64
)

// session turns fuzz data into messages that get somewhere: the node of each
// is mostly one that an earlier reply named.
type session struct {
	d     *transport.Dispatcher
	nodes []uint64
	out   []byte
}

// take cuts n bytes off data, or what there is.
func take(data *[]byte, n int) []byte {
	n = min(n, len(*data))
	b := (*data)[:n]
	*data = (*data)[n:]
	return b
}

func (s *session) step(t *testing.T, data *[]byte) {
	head := append(take(data, 4), make([]byte, 4)...)
	opcode, which, length, raw := uint32(head[0]%56), head[1], int(head[2]), head[3]
	msg := make([]byte, headerSize, headerSize+length)
	msg = append(msg, take(data, length)...)
	node := s.nodes[int(which)%len(s.nodes)]
	if raw == 255 { // an id that nobody gave out
		node = binary.NativeEndian.Uint64(append(take(data, 8), make([]byte, 8)...))
	}
	binary.NativeEndian.PutUint32(msg, uint32(len(msg)))
	binary.NativeEndian.PutUint32(msg[4:], opcode)
	binary.NativeEndian.PutUint64(msg[8:], 2)
	binary.NativeEndian.PutUint64(msg[16:], node)
	binary.NativeEndian.PutUint32(msg[24:], uint32(raw&1)*1000) // root or somebody
	n := s.d.Handle(msg, s.out)
	if n == 0 {
		return
	}
	if n < 16 || int(binary.NativeEndian.Uint32(s.out)) != n {
		t.Errorf("opcode %d: reply of %d bytes says %d", opcode, n, binary.NativeEndian.Uint32(s.out))
	}
	errno := -int32(binary.NativeEndian.Uint32(s.out[4:]))
	if errno < 0 || errno >= 512 {
		t.Errorf("opcode %d: errno %d", opcode, errno)
	}
	if errno == 0 && n >= 24 {
		s.nodes = append(s.nodes, binary.NativeEndian.Uint64(s.out[16:])) // of an entry, if it is one
	}
}

// FuzzTree: no sequence of messages makes the tree panic or reply nonsense,
// whatever the options.
func FuzzTree(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(byte(0), seed)
		f.Add(byte(255), seed)
	}
	f.Fuzz(func(t *testing.T, options byte, data []byte) {
		log := slog.New(panics{slog.DiscardHandler, t})
		bytes, err := store.NewMemory(store.MemoryOptions{Size: 1 << 20, Huge: "never", Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		defer bytes.Close()
		has := func(bit byte) bool { return options&bit != 0 }
		o := fs.Options{
			Store: bytes, Domain: quota.New(nil, "mount", quota.Limits{Bytes: 1 << 20, Inodes: 100}), RootMode: 01777, Logger: log,
			Posix: has(1), Private: has(2), AccountBytes: has(4), XAttr: has(8), DenyChmod: has(16),
		}
		if has(32) {
			o.Remove = fs.RemoveClose
		}
		if has(64) {
			o.FileSize = 5000
		}
		tree, err := fs.New(o)
		if err != nil {
			t.Fatal(err)
		}
		tree.Attach(deaf{}, fs.Features{Transport: "none"})
		defer tree.Close()
		slog.SetDefault(log) // where the dispatcher reports panics
		s := &session{d: transport.NewDispatcher(tree), nodes: []uint64{fuse.FUSE_ROOT_ID}, out: make([]byte, 1<<17)}
		for range mostOps {
			if len(data) == 0 {
				break
			}
			s.step(t, &data)
		}
	})
}

// seeds are a few sensible sequences to start from.
func seeds() [][]byte {
	op := func(opcode, node byte, args ...any) []byte {
		var body []byte
		for _, a := range args {
			switch a := a.(type) {
			case string:
				body = append(append(body, a...), 0)
			case uint32:
				body = binary.NativeEndian.AppendUint32(body, a)
			case uint64:
				body = binary.NativeEndian.AppendUint64(body, a)
			}
		}
		return append([]byte{opcode, node, byte(len(body)), 0}, body...)
	}
	join := func(ops ...[]byte) (all []byte) {
		for _, o := range ops {
			all = append(all, o...)
		}
		return all
	}
	const rdwr = uint32(syscall.O_RDWR)
	create := op(35, 0, rdwr, uint32(0644), uint32(022), uint32(0), "a")
	write := op(16, 1, uint64(0), uint64(0), uint32(3), uint32(0), uint64(0), uint32(0), uint32(0), "ab")
	return [][]byte{
		join(create, write, op(3, 1, uint32(0), uint32(0), uint64(0)), op(10, 0, "a"), op(18, 1, uint64(0), rdwr, uint32(0), uint64(0))),
		join(op(9, 0, uint32(0755), uint32(0), "d"), op(1, 1, ".vanish"), op(1, 2, "new"), op(1, 3, "x"), op(5, 4), op(11, 0, "d")),
		join(op(51, 0, rdwr, uint32(0600), uint32(0), uint32(0), "/"), write, op(13, 0, uint64(2), "b")),
		join(create, op(45, 0, uint64(1), uint32(2), uint32(0), "a", "b"), op(44, 0, uint64(0), uint64(0), uint32(4096), uint32(0), uint64(0), uint32(0), uint32(0))),
		join(op(1, 0, ".vanish"), op(1, 1, "status"), op(14, 2, uint32(0), uint32(0)), op(15, 2, uint64(1), uint64(0), uint32(4096), uint32(0), uint64(0), uint32(0), uint32(0))),
		join(create, op(43, 1, uint64(0), uint64(0), uint64(1<<30), uint32(0), uint32(0)), op(46, 1, uint64(0), uint64(0), uint32(3), uint32(0))),
	}
}
