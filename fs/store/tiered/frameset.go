package tiered

import "math/bits"

// A frameSet is a set of frames from which the next ones after those last taken are taken, so
// that frames taken together are neighbours where that is possible.
type frameSet struct {
	words   []uint64
	summary []uint64 // a bit for each word that is not 0
	len     int
	cursor  int // the word to look at next
}

func newFrameSet(n int) frameSet {
	words := (n + 63) / 64
	return frameSet{words: make([]uint64, words), summary: make([]uint64, (words+63)/64)}
}

// fill adds the first n frames.
func (s *frameSet) fill(n int) {
	for f := range n {
		s.add(frame(f))
	}
}

func (s *frameSet) add(f frame) {
	word := int(f / 64)
	s.words[word] |= 1 << (f % 64)
	s.summary[word/64] |= 1 << (word % 64)
	s.len++
}

func (s *frameSet) addAll(frames []frame) {
	for _, f := range frames {
		s.add(f)
	}
}

// take moves up to len(dst) frames to dst and returns how many.
func (s *frameSet) take(dst []frame) (n int) {
	for n < len(dst) && s.len > 0 {
		s.cursor = s.nextWord(s.cursor)
		w := &s.words[s.cursor]
		for *w != 0 && n < len(dst) {
			bit := bits.TrailingZeros64(*w)
			*w &^= 1 << bit
			dst[n] = frame(s.cursor*64 + bit)
			n++
			s.len--
		}
		if *w == 0 {
			s.summary[s.cursor/64] &^= 1 << (s.cursor % 64)
		}
	}
	return n
}

// nextWord is the first word that is not 0, from that one on and then from the start; there is one.
func (s *frameSet) nextWord(from int) int {
	at := from / 64
	here := s.summary[at] &^ (1<<(from%64) - 1)
	for here == 0 {
		at = (at + 1) % len(s.summary)
		here = s.summary[at]
	}
	return at*64 + bits.TrailingZeros64(here)
}
