package tiered

// buffers are where data lies on its way between memory and the disk, sealed or not: memory of
// huge pages, which direct I/O pins and maps several times faster than single ones.
type buffers struct {
	arena arena
	taken int // pages
}

// bufferPages is what the spill workers, the fetcher and the windows take together, in whole huge pages.
const bufferPages = 8 << 20 / pageSize

func newBuffers() (*buffers, error) {
	a, err := newArena(bufferPages)
	if err != nil {
		return nil, err
	}
	a.huge()
	return &buffers{arena: a}, nil
}

// take gives n pages.
func (b *buffers) take(n int) []byte {
	b.taken += n
	return b.arena.run(frame(b.taken-n), n)
}
