package tiered

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPageSets(t *testing.T) {
	s := pagesIn(1, 3) | pagesIn(7, 2) | pagesIn(15, 1)
	if got := slices.Collect(s.all()); !slices.Equal(got, []int{1, 2, 3, 7, 8, 15}) {
		t.Error("all:", got)
	}
	if s.len() != 6 || s.first() != 1 || pageSet(0).first() != chunkPages || allPages.len() != chunkPages {
		t.Error("len or first")
	}
	for rank, page := range []int{1, 2, 3, 7, 8, 15} {
		if s.rank(page) != rank || !s.has(page) {
			t.Errorf("page %d has rank %d, want %d", page, s.rank(page), rank)
		}
	}
	want := []pageSet{pagesIn(1, 3), pagesIn(7, 1), pagesIn(8, 1), pagesIn(15, 1)}
	if got := slices.Collect(s.blocks()); !slices.Equal(got, want) {
		t.Errorf("blocks: %016b", got)
	}
}

func TestPieces(t *testing.T) {
	for _, c := range []struct {
		off, n         int64
		index          int64
		from, to       int
		touched, whole pageSet
	}{
		{0, 1, 0, 0, 1, pagesIn(0, 1), 0},
		{0, pageSize, 0, 0, pageSize, pagesIn(0, 1), pagesIn(0, 1)},
		{1, pageSize, 0, 1, pageSize + 1, pagesIn(0, 2), 0},
		{pageSize - 1, pageSize + 2, 0, pageSize - 1, 2*pageSize + 1, pagesIn(0, 3), pagesIn(1, 1)},
		{chunkSize - 1, 9, 0, chunkSize - 1, chunkSize, pagesIn(15, 1), 0},
		{3 * chunkSize, 9 * chunkSize, 3, 0, chunkSize, allPages, allPages},
		{chunkSize + 5*pageSize, pageSize, 1, 5 * pageSize, 6 * pageSize, pagesIn(5, 1), pagesIn(5, 1)},
		{maxSize - 1, 1, maxSize / chunkSize, chunkSize - 2, chunkSize - 1, pagesIn(15, 1), 0},
	} {
		p := pieceAt(c.off, c.n)
		if p != (piece{c.index, c.from, c.to}) || p.touched() != c.touched || p.whole() != c.whole || p.start() != c.off {
			t.Errorf("%d bytes at %d: %+v, touching %016b, all of %016b", c.n, c.off, p, p.touched(), p.whole())
		}
	}
}

// Pieces cover a range without gap or overlap, and within splits each into its pages.
func TestPiecesCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		off := rapid.Int64Range(0, 1<<40).Draw(t, "off")
		n := rapid.Int64Range(0, 1<<20).Draw(t, "n")
		at := off
		for p := range pieces(off, n) {
			if p.start() != at {
				t.Fatalf("piece at %d, want %d", p.start(), at)
			}
			for page := range p.touched().all() {
				a, b := p.within(page)
				if pos := p.index*chunkSize + int64(page*pageSize+a); pos != at || b <= a {
					t.Fatalf("page %d from %d to %d, want it at %d", page, a, b, at)
				}
				at += int64(b - a)
			}
		}
		if at != off+n {
			t.Fatalf("covered up to %d of %d", at, off+n)
		}
	})
}

func TestRoundUp(t *testing.T) {
	for _, c := range [][2]int64{
		{0, 0}, {1, pageSize}, {pageSize, pageSize}, {pageSize + 1, 2 * pageSize},
		{maxSize - pageSize, maxSize - pageSize + 1}, {maxSize - 1, maxSize}, {maxSize, maxSize},
	} {
		if got := roundUp(c[0]); got != c[1] {
			t.Errorf("roundUp(%d) = %d, want %d", c[0], got, c[1])
		}
	}
}

// A chunkMap is a sorted map.
func TestChunkMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m chunkMap
		model := map[int64]*chunk{}
		index := rapid.OneOf(rapid.Int64Range(0, 40), rapid.Int64Range(500, 1600), rapid.Int64Range(0, maxSize/chunkSize))
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				i := index.Draw(t, "index")
				if model[i] == nil {
					model[i] = &chunk{index: i}
					m.put(model[i])
				}
			},
			"prune": func(t *rapid.T) {
				from, to, odd := index.Draw(t, "from"), index.Draw(t, "to"), rapid.Bool().Draw(t, "odd ones only")
				last := int64(-1)
				m.prune(from, to, func(c *chunk) bool {
					if c.index < from || c.index >= to || c.index <= last || model[c.index] != c {
						t.Fatalf("chunk %d from %d to %d, after %d", c.index, from, to, last)
					}
					last = c.index
					return !odd || c.index%2 != 0
				})
				for i := range model {
					if i >= from && i < to && (!odd || i%2 != 0) {
						delete(model, i)
					}
				}
			},
			"": func(t *rapid.T) {
				i := index.Draw(t, "index")
				if m.get(i) != model[i] {
					t.Fatalf("get(%d) differs", i)
				}
				var want []int64
				for k := range model {
					want = append(want, k)
				}
				slices.Sort(want)
				var got []int64
				for c := m.next(0); c != nil; c = m.next(c.index + 1) {
					got = append(got, c.index)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("indices %v, want %v", got, want)
				}
			},
		})
	})
}

// To take out everything is one pass, also of a file with a leaf for each chunk.
func TestChunkMapPrunesAtOnce(t *testing.T) {
	const many = 1 << 20
	var m chunkMap
	chunks := make([]chunk, many)
	for i := range chunks {
		chunks[i].index = int64(i) << leafBits
		m.put(&chunks[i])
	}
	start := time.Now()
	m.prune(0, many<<leafBits, func(*chunk) bool { return true })
	if took := time.Since(start); len(m.leaves) != 0 || took > 10*time.Second { // a minute, if it were one by one
		t.Errorf("%d leaves are left after %v", len(m.leaves), took)
	}
}

// Slots are never handed out twice, and what is stale, free and taken adds up.
func TestSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type run struct {
			start uint32
			n     int
		}
		var s slots
		var held, trimming []run
		taken := map[uint32]bool{} // by either
		dirty := map[uint32]bool{} // written since it was last trimmed
		grab := func(t *rapid.T, r run) {
			for i := range uint32(r.n) {
				if taken[r.start+i] {
					t.Fatalf("slot %d was given twice", r.start+i)
				}
				taken[r.start+i] = true
			}
		}
		drop := func(r run) {
			for i := range uint32(r.n) {
				delete(taken, r.start+i)
			}
		}
		removeAt := func(list *[]run, i int) run {
			r := (*list)[i]
			*list = slices.Delete(*list, i, i+1)
			return r
		}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				want := rapid.IntRange(1, groupSlots).Draw(t, "want")
				least := rapid.IntRange(1, min(want, blockPages)).Draw(t, "least")
				start, n := s.take(want, least)
				if n < least || n > want || int(start)%groupSlots+n > groupSlots {
					t.Fatalf("%d slots at %d, want %d to %d", n, start, least, want)
				}
				grab(t, run{start, n})
				for i := range uint32(n) {
					dirty[start+i] = true
				}
				held = append(held, run{start, n})
			},
			"put": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip()
				}
				r := removeAt(&held, rapid.IntRange(0, len(held)-1).Draw(t, "run"))
				if rapid.Bool().Draw(t, "in part") && r.n > 1 {
					held = append(held, run{r.start + 1, r.n - 1})
					r.n = 1
				}
				s.put(r.start, r.n)
				drop(r)
			},
			"trim": func(t *rapid.T) {
				start, n := s.takeStale()
				if n == 0 {
					for slot := range dirty {
						if !taken[slot] {
							t.Fatalf("slot %d is stale and was not found", slot)
						}
					}
					return
				}
				grab(t, run{start, n})
				if !dirty[start] {
					t.Fatalf("slot %d was trimmed already", start)
				}
				for i := range uint32(n) {
					delete(dirty, start+i)
				}
				trimming = append(trimming, run{start, n})
			},
			"trimmed": func(t *rapid.T) {
				if len(trimming) > 0 {
					r := removeAt(&trimming, 0)
					s.putClean(r.start, r.n)
					drop(r)
				}
			},
			"cut": func(t *rapid.T) {
				n := s.tail()
				s.cut(n)
				end := uint32(len(s.groups) * groupSlots)
				for slot := range dirty {
					if slot >= end {
						delete(dirty, slot)
					}
				}
				for slot := range taken {
					if slot >= end {
						t.Fatalf("slot %d was cut off", slot)
					}
				}
			},
			"": func(t *rapid.T) {
				stale := 0
				for slot := range dirty {
					if !taken[slot] {
						stale++
					}
				}
				if s.taken != len(taken) || s.stale != stale || s.free() != len(s.groups)*groupSlots-len(taken) {
					t.Fatalf("%d taken, %d stale, want %d, %d", s.taken, s.stale, len(taken), stale)
				}
			},
		})
	})
}

func TestFrameSet(t *testing.T) {
	s := newFrameSet(200)
	s.fill(200)
	var out []frame
	for len(out) < 200 {
		var got [7]frame
		n := s.take(got[:])
		for i := 1; i < n; i++ {
			if got[i] != got[i-1]+1 {
				t.Errorf("%v are not neighbours", got)
			}
		}
		out = append(out, got[:n]...)
	}
	if n := s.take(make([]frame, 1)); n != 0 || s.len != 0 {
		t.Error("took a frame from an empty set")
	}
	for _, i := range rand.Perm(200) {
		s.add(out[i])
	}
	again := make([]frame, 300)
	n := s.take(again)
	slices.Sort(again[:n])
	slices.Sort(out)
	if !slices.Equal(again[:n], out) {
		t.Error("not what was put in")
	}
}

// The clock passes what is warm as often as it is warm, and finds the coldest first.
func TestClock(t *testing.T) {
	var c clock
	if c.pick() != nil || c.sweep() != nil {
		t.Error("an empty clock gave something")
	}
	heats := []uint32{2, 0, 1, 3, 0}
	var chunks []*chunk
	for i, h := range heats {
		ch := &chunk{index: int64(i)}
		ch.ram = &resident{chunk: ch}
		ch.ram.heat.Store(h)
		chunks = append(chunks, ch)
		c.add(ch.ram)
	}
	for _, want := range []int64{1, 4, 2, 0, 3} {
		got := c.pick()
		if got == nil || got.index != want {
			t.Fatalf("picked %v, want %d", got, want)
		}
		c.remove(got.ram)
	}
	if c.len() != 0 || c.pick() != nil {
		t.Error("not empty")
	}
	c.add(chunks[0].ram)
	for range 9 {
		chunks[0].ram.warm()
	}
	if got := chunks[0].ram.heat.Load(); got != heatMost {
		t.Errorf("heat %d", got)
	}
	if c.pick() != chunks[0] {
		t.Error("the hottest is not found when there is nothing else")
	}
}

func TestMarks(t *testing.T) {
	for _, memory := range []int64{0, 1, 4 << 20, 5 << 20, 64 << 20, 256 << 20, 8 << 30, memoryMost} {
		m := newMarks(memory)
		if int64(m.total)*pageSize < memory-pageSize || m.total < m.floor || m.high >= m.total ||
			!(m.floor >= 2*m.high && m.high > m.low && m.low > m.reserve && m.reserve > m.spare && m.spare >= chunkPages-blockPages) {
			t.Errorf("%d bytes: %+v", memory, m)
		}
	}
}
