package report

import (
	"crypto/aes"
	"crypto/cipher"
	"time"

	"vanishfs/integration/bench/load"
)

const (
	// sealBlock is the size that the tiered store seals at a time, bytes.
	sealBlock  = 16 << 10
	sealTries  = 5
	sealBlocks = 2048 // in a try, 32 MiB: 5 to 100 ms
)

// sealTime measures AES-256-GCM on one CPU, nanoseconds per MiB.
func sealTime() float64 {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		panic(err) // only of another key size
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only of another block size
	}
	plain, sealed, nonce := make([]byte, sealBlock), make([]byte, 0, sealBlock+gcm.Overhead()), make([]byte, gcm.NonceSize())
	tries := make([]float64, sealTries)
	for i := range tries {
		start := time.Now()
		for range sealBlocks {
			gcm.Seal(sealed, nonce, plain, nil)
		}
		tries[i] = float64(time.Since(start)) / (sealBlocks * sealBlock >> 20)
	}
	return load.Median(tries)
}
