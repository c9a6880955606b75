package store_test

import (
	"cmp"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"vanishfs/fs/store"
)

// TestTime compares with integers that never overflow.
func TestTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTime(t, "a"), drawTime(t, "b")
		if got, want := a.After(b), nanos(a).Cmp(nanos(b)) > 0; got != want {
			t.Fatalf("%v after %v: %v", a, b, got)
		}
		if got := big.NewInt(a.Nanos()); nanos(a).IsInt64() && inRange(a) && got.Cmp(nanos(a)) != 0 {
			t.Fatalf("%v is %v ns, want %v", a, got, nanos(a))
		}
		if !inRange(a) && cmp.Compare(a.Nanos(), 0) != nanos(a).Sign() {
			t.Fatalf("%v is %d ns", a, a.Nanos())
		}
		ns := rapid.Int64().Draw(t, "ns")
		if got := nanos(store.Nanos(ns)); got.Cmp(big.NewInt(ns)) != 0 {
			t.Fatalf("%d ns came back as %v", ns, got)
		}
	})
}

// inRange reports whether an int64 of nanoseconds can hold t, but for the last second at each end.
func inRange(t store.Time) bool {
	sec, _ := t.Unix()
	return sec > math.MinInt64/1_000_000_000 && sec < math.MaxInt64/1_000_000_000
}

func drawTime(t *rapid.T, label string) store.Time {
	sec, nsec := rapid.Int64().Draw(t, label), rapid.Uint32Max(999_999_999).Draw(t, label+" ns")
	at := store.TimeOf(sec, nsec)
	if s, n := at.Unix(); s != sec || n != nsec {
		t.Fatalf("%d and %d ns came back as %d and %d", sec, nsec, s, n)
	}
	return at
}

func nanos(t store.Time) *big.Int {
	sec, nsec := t.Unix()
	n := new(big.Int).Mul(big.NewInt(sec), big.NewInt(1_000_000_000))
	return n.Add(n, big.NewInt(int64(nsec)))
}
