package storetest

import "vanishfs/fs/store"

const page = store.PageSize

// A model is what a file must be: its bytes, and which pages are charged.
// Pages past the end of the bytes can be charged by Allocate.
type model struct {
	data  []byte
	pages map[int64]bool
}

func newModel() *model { return &model{pages: map[int64]bool{}} }

func (m *model) size() int64 { return int64(len(m.data)) }

// room says how many bytes of n at off can be written with that many more pages.
func (m *model) room(off, n, free int64) int64 {
	for at := off; at < off+n; at = (at/page + 1) * page {
		if m.pages[at/page] {
			continue
		}
		if free--; free < 0 {
			return at - off
		}
	}
	return n
}

// missing is the number of pages that a write of n bytes at off would charge.
func (m *model) missing(off, n int64) (pages int64) {
	for p := off / page; p*page < off+n; p++ {
		if !m.pages[p] {
			pages++
		}
	}
	return pages
}

func (m *model) charge(off, n int64) {
	for p := off / page; p*page < off+n; p++ {
		m.pages[p] = true
	}
}

func (m *model) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	m.grow(off + int64(len(p)))
	copy(m.data[off:], p)
	m.charge(off, int64(len(p)))
}

func (m *model) grow(size int64) {
	if n := size - m.size(); n > 0 {
		m.data = append(m.data, make([]byte, n)...)
	}
}

// truncate keeps what Allocate charged past the end only when the file grows.
func (m *model) truncate(size int64) {
	if size > m.size() {
		m.grow(size)
		return
	}
	m.data = m.data[:size]
	for p := range m.pages {
		if p*page >= size {
			delete(m.pages, p)
		}
	}
}

// punch gives whole pages back and makes the rest zero.
func (m *model) punch(off, n int64) {
	for p := range m.pages {
		if p*page >= off && (p+1)*page <= off+n {
			delete(m.pages, p)
		}
	}
	if off < m.size() {
		clear(m.data[off:min(off+n, m.size())])
	}
}

func (m *model) read(off, n int64) []byte {
	if off >= m.size() {
		return nil
	}
	return m.data[off:min(off+n, m.size())]
}

// zero says whether all bytes from a to b are.
func (m *model) zero(a, b int64) bool {
	for _, c := range m.data[a:min(b, m.size())] {
		if c != 0 {
			return false
		}
	}
	return true
}
