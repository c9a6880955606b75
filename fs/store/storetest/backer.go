package storetest

import (
	"sync"
	"syscall"
)

// A Backer stands in for the kernel: it hands out ids and knows which are in use. The zero value is ready.
type Backer struct {
	// Refuse, if set, is what RegisterBacking fails with. Set it before use.
	Refuse error

	mu   sync.Mutex
	last int32          // guarded by mu
	ids  map[int32]bool // guarded by mu
}

// RegisterBacking implements store.Backer.
func (b *Backer) RegisterBacking(fd int) (int32, error) {
	if b.Refuse != nil {
		return 0, b.Refuse
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ids == nil {
		b.ids = map[int32]bool{}
	}
	b.last++
	b.ids[b.last] = true
	return b.last, nil
}

// UnregisterBacking implements store.Backer: ENOENT as the kernel has it.
func (b *Backer) UnregisterBacking(id int32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ids[id] {
		return syscall.ENOENT
	}
	delete(b.ids, id)
	return nil
}

// Registered is the number of ids in use.
func (b *Backer) Registered() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ids)
}

// Has says whether id is in use.
func (b *Backer) Has(id int32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids[id]
}
