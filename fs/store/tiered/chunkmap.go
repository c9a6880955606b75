package tiered

import (
	"cmp"
	"slices"
)

// leafBits is the number of consecutive chunk indices, as a power of two, in one leaf.
const leafBits = 9

// A chunkMap holds the chunks of a file in order: a sorted list of leaves, each a sorted
// list of chunks. A small file is one leaf with one entry; neither a huge file nor a sparse one
// makes any list long. The zero value is empty.
type chunkMap struct {
	leaves []*leaf
}

type leaf struct {
	base   int64    // index >> leafBits of all its chunks
	chunks []*chunk // never empty
}

func (m *chunkMap) leafAt(base int64) (int, bool) {
	// Files are mostly written and read at one leaf: the last.
	if n := len(m.leaves); n > 0 && m.leaves[n-1].base <= base {
		if m.leaves[n-1].base == base {
			return n - 1, true
		}
		return n, false
	}
	return slices.BinarySearchFunc(m.leaves, base, func(l *leaf, base int64) int { return cmp.Compare(l.base, base) })
}

func (l *leaf) at(index int64) (int, bool) {
	// A leaf without gaps is an array.
	if i := index - l.chunks[0].index; i >= 0 && i < int64(len(l.chunks)) && l.chunks[i].index == index {
		return int(i), true
	}
	return slices.BinarySearchFunc(l.chunks, index, func(c *chunk, index int64) int { return cmp.Compare(c.index, index) })
}

// get is the chunk with that index, or nil.
func (m *chunkMap) get(index int64) *chunk {
	if i, ok := m.leafAt(index >> leafBits); ok {
		if j, ok := m.leaves[i].at(index); ok {
			return m.leaves[i].chunks[j]
		}
	}
	return nil
}

// put adds a chunk with an index that is not there yet.
func (m *chunkMap) put(c *chunk) {
	i, ok := m.leafAt(c.index >> leafBits)
	if !ok {
		m.leaves = slices.Insert(m.leaves, i, &leaf{base: c.index >> leafBits, chunks: []*chunk{c}})
		return
	}
	l := m.leaves[i]
	j, _ := l.at(c.index)
	l.chunks = slices.Insert(l.chunks, j, c)
}

// prune calls drop with each chunk whose index is in [from, to), in order, and takes those out of which it
// returns true. That is one pass, however many there are.
func (m *chunkMap) prune(from, to int64, drop func(*chunk) bool) {
	first, _ := m.leafAt(from >> leafBits)
	kept, at := first, first
	for ; at < len(m.leaves) && m.leaves[at].base<<leafBits < to; at++ {
		l := m.leaves[at]
		l.chunks = slices.DeleteFunc(l.chunks, func(c *chunk) bool { return c.index >= from && c.index < to && drop(c) })
		if len(l.chunks) > 0 {
			m.leaves[kept] = l
			kept++
		}
	}
	m.leaves = slices.Delete(m.leaves, kept, at)
}

// next is the first chunk whose index is at least index, or nil.
func (m *chunkMap) next(index int64) *chunk {
	i, ok := m.leafAt(index >> leafBits)
	if ok {
		if j, _ := m.leaves[i].at(index); j < len(m.leaves[i].chunks) {
			return m.leaves[i].chunks[j]
		}
		i++
	}
	if i < len(m.leaves) {
		return m.leaves[i].chunks[0]
	}
	return nil
}
