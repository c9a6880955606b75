package tiered

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	"vanishfs/fs/store"
	"vanishfs/fs/store/seal"
	"vanishfs/quota"
)

// Store is a store.Store. Make it with New.
type Store struct {
	// Dependencies, immutable.
	domain  *quota.Domain
	log     *slog.Logger
	now     func() int64
	ring    *seal.Ring
	pool    *pool
	buffers *buffers
	space   *space

	clock   clock
	spiller spiller
	fetcher fetcher
	ahead   readahead
	lastID  atomic.Uint64

	ctx    context.Context // ends with the store; its cause is syscall.EIO
	cancel context.CancelCauseFunc
	done   sync.WaitGroup // all goroutines
	closed sync.Once
}

var _ store.Disk = (*Store)(nil)

// New makes an empty store. The caller owns it and must Close it.
func New(o Options) (*Store, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o.derive()
	return newStore(o, newMarks(o.Memory))
}

func newStore(o Options, m marks) (*Store, error) {
	s := &Store{domain: o.Domain, log: o.Logger, now: o.Clock}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	if err := s.provide(o, m); err != nil {
		s.release()
		return nil, fmt.Errorf("tiered store: %w", err)
	}
	for i := range s.spiller.workers {
		s.done.Go(func() { s.spill(&s.spiller.workers[i]) })
	}
	s.done.Go(func() { s.space.trim(s.ctx) })
	s.done.Go(func() { s.pool.cool(s.ctx) })
	for _, l := range s.ahead.lanes {
		s.done.Go(func() { s.ahead.run(s.ctx, l) })
	}
	return s, nil
}

// provide gets everything that can be missing.
func (s *Store) provide(o Options, m marks) (err error) {
	if o.Disk == nil {
		if o.Disk, err = openSpillFile(o.SpillDir, o.Logger); err != nil {
			return err
		}
	}
	s.space = newSpace(o.Disk, o.Logger)
	if s.ring, err = seal.New(seal.Options{Unlocked: o.UnlockedKeys}); err != nil {
		return err
	}
	a, err := newArena(m.total)
	if err != nil {
		return err
	}
	complain := slog.LevelDebug
	if o.NoSwap {
		complain = slog.LevelWarn
	}
	a.noSwap(o.Logger, complain)
	s.pool = newPool(a, m, s.spiller.wake)
	if s.buffers, err = newBuffers(); err != nil {
		return err
	}
	s.buffers.arena.noSwap(o.Logger, slog.LevelDebug) // a warning was given already
	s.spiller.provide(s.buffers)
	s.fetcher.provide(s.space.disk, s.buffers, int64(m.total)*pageSize)
	s.ahead.provide(s.space.disk, s.buffers)
	return nil
}

// release gives back what provide got.
func (s *Store) release() (err error) {
	if s.ring != nil {
		s.ring.Close()
	}
	closeAll(append(s.fetcher.allLanes(), s.ahead.allLanes()...))
	if s.space != nil {
		err = s.space.disk.Close()
	}
	if s.pool != nil {
		s.pool.arena.close()
	}
	if s.buffers != nil {
		s.buffers.arena.close()
	}
	return err
}

// Close implements store.Store. The keys go first.
func (s *Store) Close() (err error) {
	s.closed.Do(func() {
		s.cancel(syscall.EIO)
		s.done.Wait()
		err = s.release()
	})
	return err
}

// Kind implements store.Store.
func (s *Store) Kind() string { return "tiered" }

// UseBacker implements store.Store. Passthrough would go round the seal: there is none.
func (s *Store) UseBacker(store.Backer) {}

// New implements store.Store.
func (s *Store) New() (store.File, error) {
	now := store.Nanos(s.now())
	f := &File{s: s, id: s.lastID.Add(1), set: now, mtime: now, ctime: now}
	f.opens.Store(1)
	return f, nil
}

// Resize implements store.Store.
func (s *Store) Resize(size int64) error {
	limits := s.domain.Usage().Limits
	limits.Bytes = size
	return s.domain.SetLimits(limits)
}

// freeMost is the most that Usage calls free, bytes: a sane number for df.
const freeMost = 1 << 50

// Usage implements store.Store. Without a limit, what is free is what memory and disk have left.
func (s *Store) Usage() (store.Usage, error) {
	q := s.domain.Tightest()
	u := store.Usage{Size: q.Bytes, Used: q.BytesUsed, Free: q.BytesFree()}
	if q.Bytes == 0 {
		u.Free = min(s.room(), freeMost)
	}
	return u, nil
}

// room is what memory and disk can still take, bytes.
func (s *Store) room() int64 {
	disk, err := s.space.disk.Free()
	if err != nil {
		s.log.Warn("tiered store: free disk space is unknown", "err", err)
	}
	return disk + max(int64(s.pool.available()), 0)*pageSize
}

// Stats is where the bytes are and how many moved.
type Stats struct {
	Memory      int64 // in memory now
	MemoryLimit int64 // the budget
	Index       int64 // what the index takes, within the budget
	Spill       int64 // in the spill file now, sealed
	SpillFile   int64 // what the spill file spans, holes included
	Spilled     int64 // moved to the disk since the start
	Fetched     int64 // read back since the start
}

// Stats is exact in each number; together they are of about the same time.
func (s *Store) Stats() Stats {
	taken, span := s.space.use()
	return Stats{
		Memory:      int64(s.pool.used()) * pageSize,
		MemoryLimit: int64(s.pool.marks.total) * pageSize,
		Index:       s.pool.index.Load(),
		Spill:       int64(taken) * pageSize,
		SpillFile:   int64(span) * pageSize,
		Spilled:     s.spiller.bytes.Load(),
		Fetched:     s.fetcher.bytes.Load(),
	}
}
