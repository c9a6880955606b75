package seal

import (
	"bytes"
	"testing"
)

// FuzzFlippedBit: whatever single bit of a sealed block, its position or its stamp is
// flipped, the block does not open, and unflipped it does.
func FuzzFlippedBit(f *testing.F) {
	r, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(r.Close)
	k := r.NewKey(3)
	for _, n := range sizes {
		f.Add(pattern(n), int64(n), uint32(n/2))
	}
	f.Fuzz(func(t *testing.T, plain []byte, pos int64, bit uint32) {
		sealed, st := mustSeal(t, k, plain, pos)
		intact := append(make([]byte, 0, len(sealed)+Overhead), sealed...)
		badPos, bad := pos, st
		switch at := int(bit % uint32(8*(len(sealed)+8+tagSize))); {
		case at < 8*len(sealed):
			sealed[at/8] ^= 1 << (at % 8)
		case at < 8*(len(sealed)+8):
			badPos ^= 1 << (at - 8*len(sealed))
		default:
			at -= 8 * (len(sealed) + 8)
			bad.tag[at/8] ^= 1 << (at % 8)
		}
		out := bytes.Repeat([]byte{0xee}, len(sealed))
		if err := k.Open(out, sealed, badPos, bad); err != ErrAltered {
			t.Errorf("altered block: %v", err)
		}
		if len(plain) >= 16 && !allZero(plain) && bytes.Equal(out, plain) {
			t.Error("altered block gave the plaintext")
		}
		if err := k.Open(out, intact, pos, st); err != nil || !bytes.Equal(out, plain) {
			t.Errorf("unaltered block: %v", err)
		}
	})
}
