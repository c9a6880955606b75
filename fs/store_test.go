package fs

import "vanishfs/fs/store"

// A hookedStore is a store whose files call its hooks, where they are set.
type hookedStore struct {
	store.Store
	beforeWrite, beforeFree, beforeAllocate func()

	blocks int64 // what each file claims to have, in units of 512 bytes
	free   int64 // what the store claims to have room for, bytes

	truncateErr error // what every Truncate fails with
}

func (s *hookedStore) New() (store.File, error) {
	f, err := s.Store.New()
	return &hookedFile{f, s}, err
}

func (s *hookedStore) Usage() (store.Usage, error) {
	u, err := s.Store.Usage()
	if s.free > 0 {
		u.Free = s.free
	}
	return u, err
}

type hookedFile struct {
	store.File
	s *hookedStore
}

func (f *hookedFile) WriteAt(p []byte, off int64) (int, error) {
	if f.s.beforeWrite != nil {
		f.s.beforeWrite()
	}
	return f.File.WriteAt(p, off)
}

func (f *hookedFile) Allocate(mode uint32, off, length int64) error {
	if f.s.beforeAllocate != nil {
		f.s.beforeAllocate()
	}
	return f.File.Allocate(mode, off, length)
}

func (f *hookedFile) Truncate(size int64) error {
	if err := f.s.truncateErr; err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *hookedFile) Attr() (store.Attr, error) {
	a, err := f.File.Attr()
	if f.s.blocks > 0 {
		a.Blocks = f.s.blocks
	}
	return a, err
}

func (f *hookedFile) Free() {
	if f.s.beforeFree != nil {
		f.s.beforeFree()
	}
	f.File.Free()
}
