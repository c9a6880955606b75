package seal

import (
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// A second implementation of GCM, straight from NIST SP 800-38D and as slow as it reads.

// multiply is the product in GF(2^128), algorithm 1 of section 6.3.
func multiply(x, y [16]byte) (z [16]byte) {
	v := y
	for i := range 128 {
		if x[i/8]&(0x80>>(i%8)) != 0 {
			for j := range z {
				z[j] ^= v[j]
			}
		}
		low := v[15] & 1
		for j := 15; j > 0; j-- {
			v[j] = v[j]>>1 | v[j-1]<<7
		}
		v[0] >>= 1
		if low != 0 {
			v[0] ^= 0xe1
		}
	}
	return z
}

// ghash is section 6.4 over data and text, each padded, and their lengths.
func ghash(h [16]byte, data, text []byte) (y [16]byte) {
	absorb := func(b []byte) {
		for len(b) > 0 {
			n := min(16, len(b))
			for i := range n {
				y[i] ^= b[i]
			}
			y = multiply(y, h)
			b = b[n:]
		}
	}
	absorb(data)
	absorb(text)
	var lengths [16]byte
	binary.BigEndian.PutUint64(lengths[:], uint64(len(data))*8)
	binary.BigEndian.PutUint64(lengths[8:], uint64(len(text))*8)
	absorb(lengths[:])
	return y
}

// slowGCM is GCM-AE, algorithm 4 of section 7.1, for 96-bit nonces.
func slowGCM(t testing.TB, key, nonce, plain, data []byte) (text []byte, tag [16]byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	var h, counter, pad [16]byte
	block.Encrypt(h[:], h[:])
	copy(counter[:], nonce)
	for i := range plain {
		if i%16 == 0 {
			binary.BigEndian.PutUint32(counter[12:], uint32(2+i/16))
			block.Encrypt(pad[:], counter[:])
		}
		text = append(text, plain[i]^pad[i%16])
	}
	tag = ghash(h, data, text)
	binary.BigEndian.PutUint32(counter[12:], 1)
	block.Encrypt(pad[:], counter[:])
	for i := range tag {
		tag[i] ^= pad[i]
	}
	return text, tag
}

// Test cases 13, 14 and 16 of the GCM submission to NIST (appendix B).
func TestSlowGCMVectors(t *testing.T) {
	const key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
	for _, c := range []struct{ key, nonce, plain, data, text, tag string }{
		{"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "", "",
			"530f8afbc74536b9a963b4f1c4cb738b"},
		{"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "00000000000000000000000000000000", "",
			"cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
		{key, "cafebabefacedbaddecaf888",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
			"76fc6ece0f4e1768cddf8853bb2d551b"},
	} {
		text, tag := slowGCM(t, unhex(t, c.key), unhex(t, c.nonce), unhex(t, c.plain), unhex(t, c.data))
		if hex.EncodeToString(text) != c.text || hex.EncodeToString(tag[:]) != c.tag {
			t.Errorf("got %x tag %x, want %s tag %s", text, tag, c.text, c.tag)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
