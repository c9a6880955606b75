package tiered

// check verifies everything that must hold when nothing goes on: of each file and chunk, and that
// frames, slots, quota and index add up over all files.
func (fx *fixture) check(t tester, files ...*File) {
	t.Helper()
	defer fx.rest(t)()
	fx.space.punching.Lock() // what is being given back counts as taken meanwhile
	defer fx.space.punching.Unlock()
	var frames, slots, chunks int
	var held, index int64
	seen := map[frame]bool{}
	for _, f := range files {
		f.mu.RLock()
		last := int64(-1)
		var own int64
		for c := f.chunks.next(0); c != nil; c = f.chunks.next(c.index + 1) {
			if c.index <= last || c.file != f || c.held == 0 {
				t.Errorf("chunk %d after %d, holding %016b", c.index, last, c.held)
			}
			last = c.index
			checkChunk(t, c, seen)
			own += int64(c.held.len())
			frames += c.in().len()
			index += chunkBytes
			if c.ram != nil {
				chunks++
			}
			for _, e := range c.extents {
				slots += e.stored.len()
				index += extentBytes
			}
		}
		if own != f.held {
			t.Errorf("file says it holds %d pages, its chunks hold %d", f.held, own)
		}
		held += own
		f.mu.RUnlock()
	}
	taken, _ := fx.space.use()
	st := fx.Stats()
	for what, n := range map[string][2]int64{
		"frames used": {st.Memory / pageSize, int64(frames)},
		"slots taken": {int64(taken), int64(slots + fx.space.lost)},
		"quota":       {fx.domain.Usage().BytesUsed / pageSize, held},
		"index":       {st.Index, index},
		"clock":       {int64(fx.clock.len()), int64(chunks)},
	} {
		if n[0] != n[1] {
			t.Errorf("%s: %d, the files have %d", what, n[0], n[1])
		}
	}
}

func checkChunk(t tester, c *chunk, seen map[frame]bool) {
	t.Helper()
	var live pageSet
	for _, e := range c.extents {
		if e.live == 0 || e.live&^e.stored != 0 || e.live&live != 0 {
			t.Errorf("extent with %016b of %016b live, others %016b", e.live, e.stored, live)
		}
		live |= e.live
	}
	if live&^c.held != 0 {
		t.Errorf("live %016b, held %016b", live, c.held)
	}
	r := c.ram
	if r == nil {
		return
	}
	if r.in == 0 || r.in&^c.held != 0 || r.dirty&^r.in != 0 || r.flight != 0 || r.dirty|live&r.in != r.in || r.dirty&live != 0 {
		t.Errorf("in %016b dirty %016b flight %016b live %016b held %016b", r.in, r.dirty, r.flight, live, c.held)
	}
	for page := range r.in.all() {
		if seen[r.frames[page]] {
			t.Errorf("frame %d is used twice", r.frames[page])
		}
		seen[r.frames[page]] = true
	}
}

// checkWiped: what is free holds nothing.
func (fx *fixture) checkWiped(t tester) {
	t.Helper()
	fx.pool.mu.Lock()
	defer fx.pool.mu.Unlock()
	for _, set := range []*frameSet{&fx.pool.warm, &fx.pool.cold} {
		for i, w := range set.words {
			for b := range 64 {
				if w>>b&1 == 0 {
					continue
				}
				for _, x := range fx.pool.arena.page(frame(i*64 + b)) {
					if x != 0 {
						t.Fatalf("frame %d is free and not wiped", i*64+b)
					}
				}
			}
		}
	}
}
