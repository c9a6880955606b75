package load

import "strconv"

// A Unit says what a value counts and how it is shown.
type Unit int

const (
	Micros  Unit = iota // ns per operation, shown as µs
	Rate                // ns per MiB, shown as GiB/s
	Millis              // ns, shown as ms
	Seconds             // ns, shown as s
	Bytes               // bytes
	Times               // a ratio
	Count               // how many
)

// String is the heading of the unit.
func (u Unit) String() string {
	return [...]string{"µs", "GiB/s", "ms", "s", "B", "x", ""}[u]
}

// Format shows a value with three significant digits.
func (u Unit) Format(value float64) string {
	switch u {
	case Micros:
		value /= 1e3
	case Rate:
		value = 1e9 / value / 1024
	case Millis:
		value /= 1e6
	case Seconds:
		value /= 1e9
	}
	precision := 2
	switch {
	case value >= 100:
		precision = 0
	case value >= 10:
		precision = 1
	}
	return strconv.FormatFloat(value, 'f', precision, 64)
}

// Raw is what values themselves count.
func (u Unit) Raw() string {
	return [...]string{"ns per operation", "ns per MiB", "ns", "ns", "bytes", "ratio", "count"}[u]
}
