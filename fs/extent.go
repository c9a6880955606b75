package fs

// An extent is a range of a file, bytes.
type extent struct{ off, length int64 }

func (e extent) end() int64 { return e.off + e.length }

// cover is the smallest extent that both are in; one without a length is in every one.
func (e extent) cover(o extent) extent {
	switch {
	case o.length == 0:
		return e
	case e.length == 0:
		return o
	}
	from := min(e.off, o.off)
	return extent{from, max(e.end(), o.end()) - from}
}

// appendExtent adds an extent that comes after all of to.
func appendExtent(to []extent, e extent) []extent {
	if last := len(to) - 1; last >= 0 && to[last].end() == e.off {
		to[last].length += e.length
		return to
	}
	return append(to, e)
}
