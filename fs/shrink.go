package fs

import "maps"

// shrunk is for maps that users fill: a map keeps the room that it once took. It returns m, or a
// copy where m had eight times as much at its peak: copying that costs little beside what removing so much did.
// The second result is the peak from now on.
func shrunk[K comparable, V any](m map[K]V, peak int) (map[K]V, int) {
	const (
		tooMuch = 8
		little  = 64
	)
	if peak <= little || len(m) > peak/tooMuch {
		return m, peak
	}
	small := make(map[K]V, len(m))
	maps.Copy(small, m)
	return small, len(m)
}
