package tiered

import (
	"iter"
	"math/bits"

	"vanishfs/fs/store"
)

// Sizes. A pageSet has a bit for each page of a chunk.
const (
	pageSize   = store.PageSize // bytes
	chunkPages = 16
	chunkSize  = chunkPages * pageSize // bytes
	blockPages = 4                     // pages sealed together at most
)

// A pageSet is a set of pages of one chunk.
type pageSet uint16

const allPages = pageSet(1<<chunkPages - 1)

// pagesIn is the set of n pages from first on.
func pagesIn(first, n int) pageSet { return pageSet(1<<n-1) << first }

func (s pageSet) has(page int) bool { return s>>page&1 != 0 }
func (s pageSet) len() int          { return bits.OnesCount16(uint16(s)) }

// first is the lowest page; chunkPages for the empty set.
func (s pageSet) first() int { return bits.TrailingZeros16(uint16(s)) }

// last is the highest page; -1 for the empty set.
func (s pageSet) last() int { return bits.Len16(uint16(s)) - 1 }

// rank is the number of pages in s below page: where page is in a block of them.
func (s pageSet) rank(page int) int { return (s & pagesIn(0, page)).len() }

func (s pageSet) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for ; s != 0; s &= s - 1 {
			if !yield(s.first()) {
				return
			}
		}
	}
}

// blocks splits s where blocks that are sealed together end.
func (s pageSet) blocks() iter.Seq[pageSet] {
	return func(yield func(pageSet) bool) {
		for at := 0; at < chunkPages; at += blockPages {
			if b := s & pagesIn(at, blockPages); b != 0 && !yield(b) {
				return
			}
		}
	}
}

// A piece is a range of bytes within one chunk: [from, to) relative to its start.
type piece struct {
	index    int64 // of the chunk
	from, to int
}

// pieceAt is the part of n bytes at off that lies in the first chunk they touch. n > 0.
func pieceAt(off, n int64) piece {
	from := off % chunkSize
	return piece{off / chunkSize, int(from), int(min(from+n, chunkSize))}
}

// pieces are all parts of n bytes at off, in order.
func pieces(off, n int64) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		for n > 0 {
			p := pieceAt(off, n)
			if !yield(p) {
				return
			}
			off += int64(p.len())
			n -= int64(p.len())
		}
	}
}

func (p piece) len() int     { return p.to - p.from }
func (p piece) start() int64 { return p.index*chunkSize + int64(p.from) }

// touched is the set of pages with at least one byte in p.
func (p piece) touched() pageSet {
	if p.from >= p.to {
		return 0
	}
	first, last := p.from/pageSize, (p.to-1)/pageSize
	return pagesIn(first, last-first+1)
}

// whole is the set of pages with all bytes in p.
func (p piece) whole() pageSet {
	first, end := (p.from+pageSize-1)/pageSize, p.to/pageSize
	if first >= end {
		return 0
	}
	return pagesIn(first, end-first)
}

// within is the part of page that lies in p: [a, b) relative to the page.
func (p piece) within(page int) (a, b int) {
	return max(p.from-page*pageSize, 0), min(p.to-page*pageSize, pageSize)
}

// pageAt splits an offset into the chunk's index and the page within it.
func pageAt(off int64) (index int64, page int) {
	return off / chunkSize, int(off % chunkSize / pageSize)
}
