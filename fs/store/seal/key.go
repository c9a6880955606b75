package seal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// A Key seals the blocks of one file.
type Key struct {
	// Immutable.
	ring *Ring
	id   uint64

	// Guarded by Ring.mu.
	epochs []epoch // nil once forgotten; the last one seals
	count  uint32  // blocks sealed in the last epoch
	slot   *slot   // the expanded key, if there is one at the moment
}

// An epoch is one key of a file.
type epoch struct {
	wrapped [keySize]byte
	prefix  uint64 // the nonce's random part
}

// epochsMost bounds the memory that one file's keys can take: 2^43 blocks' worth.
const epochsMost = 1 << 12

// A Stamp is what opens a sealed block besides the key: which nonce, and the tag. It is
// comparable, and no two blocks ever sealed have the same.
type Stamp struct {
	epoch, count uint32
	tag          [tagSize]byte
}

// NewKey makes a key for the file that id names within the caller's world.
func (r *Ring) NewKey(id uint64) *Key {
	k := &Key{ring: r, id: id}
	k.epochs = append(k.epochs, newEpoch())
	return k
}

func newEpoch() (e epoch) {
	var prefix [8]byte
	rand.Read(e.wrapped[:])
	rand.Read(prefix[:])
	e.prefix = binary.LittleEndian.Uint64(prefix[:])
	return e
}

// Seal encrypts plain, the block at pos, into dst, which is as long and has Overhead bytes of
// capacity beyond; what those hold is lost. dst and plain do not overlap.
func (k *Key) Seal(dst, plain []byte, pos int64) (Stamp, error) {
	checkRoom(dst, plain)
	s, st, err := k.next()
	if err != nil {
		return Stamp{}, err
	}
	defer k.ring.unpin(s.slot)
	out := s.aead.Seal(dst[:0], s.nonce[:], plain, k.data(pos))
	copy(st.tag[:], out[len(plain):])
	return st, nil
}

// Open decrypts sealed, the block at pos, into dst, which is as long and the very same memory or
// does not overlap. sealed has Overhead bytes of capacity beyond; they are used and put back. With
// ErrAltered dst holds no plaintext.
func (k *Key) Open(dst, sealed []byte, pos int64, st Stamp) error {
	checkRoom(sealed, dst)
	s, err := k.at(st)
	if err != nil {
		return err
	}
	defer k.ring.unpin(s.slot)
	var saved [tagSize]byte
	tagged := sealed[:len(sealed)+tagSize]
	copy(saved[:], tagged[len(sealed):])
	copy(tagged[len(sealed):], st.tag[:])
	_, err = s.aead.Open(dst[:0], s.nonce[:], tagged, k.data(pos))
	copy(tagged[len(sealed):], saved[:])
	if err != nil {
		clear(dst)
		return ErrAltered
	}
	return nil
}

// Forget wipes the key: what it sealed never opens again. Blocks just being opened are finished.
func (k *Key) Forget() {
	r := k.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(k.epochs)
	k.epochs = nil
	k.dropSlotLocked()
}

// dropSlotLocked wipes the expanded key, or leaves that to the last unpin.
func (k *Key) dropSlotLocked() {
	switch s := k.slot; {
	case s == nil:
	case s.pins == 0:
		s.wipe()
	default:
		s.owner, k.slot = nil, nil
	}
}

// A use is a pinned slot with the nonce of one operation.
type use struct {
	*slot
	nonce [nonceSize]byte
}

// next pins the key for one more block, with a nonce that has never been used.
func (k *Key) next() (use, Stamp, error) {
	r := k.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.count == r.perKey && k.epochs != nil {
		if len(k.epochs) == epochsMost {
			return use{}, Stamp{}, ErrExhausted
		}
		k.addEpochLocked()
	}
	st := Stamp{epoch: uint32(max(len(k.epochs), 1) - 1), count: k.count}
	k.count++
	u, err := k.pinLocked(st)
	return u, st, err
}

// addEpochLocked leaves no copy of the wrapped keys behind when it needs more room.
func (k *Key) addEpochLocked() {
	old := k.epochs
	k.epochs = append(append(make([]epoch, 0, len(old)+1), old...), newEpoch())
	clear(old)
	k.count = 0
}

// at pins the key that st was made with.
func (k *Key) at(st Stamp) (use, error) {
	k.ring.mu.Lock()
	defer k.ring.mu.Unlock()
	if k.epochs != nil && int(st.epoch) >= len(k.epochs) {
		return use{}, ErrAltered
	}
	return k.pinLocked(st)
}

func (k *Key) pinLocked(st Stamp) (use, error) {
	s, err := k.ring.pinLocked(k, st.epoch)
	if err != nil {
		return use{}, err
	}
	u := use{slot: s}
	binary.LittleEndian.PutUint64(u.nonce[:], k.epochs[st.epoch].prefix)
	binary.LittleEndian.PutUint32(u.nonce[8:], st.count)
	return u, nil
}

// data is what is bound to a block besides its content; GCM binds the length itself.
func (k *Key) data(pos int64) []byte {
	var d [16]byte
	binary.LittleEndian.PutUint64(d[:], k.id)
	binary.LittleEndian.PutUint64(d[8:], uint64(pos))
	return d[:]
}

// checkRoom panics on a mistake of the caller that would lose a tag.
func checkRoom(sealed, plain []byte) {
	if len(sealed) != len(plain) || cap(sealed) < len(sealed)+Overhead {
		panic(fmt.Sprintf("seal: block of %d bytes, plaintext of %d, room for %d", len(sealed), len(plain), cap(sealed)))
	}
}
