package seal

import (
	"crypto/aes"
	"crypto/cipher"
)

// slotSize is room for one expanded key, bytes: gcm.GCM has 760 on amd64.
const slotSize = 768

// A slot holds the expanded key of one file and epoch. Guarded by Ring.mu; aead is used
// without it while pins is not 0.
type slot struct {
	mem   []byte // in the ring's region; immutable
	aead  cipher.AEAD
	owner *Key // nil: empty, or to be wiped when the last pin goes
	epoch uint32
	pins  int
	used  bool // since the hand last passed
}

// wipe empties the slot. The caller holds Ring.mu; pins is 0.
func (s *slot) wipe() {
	clear(s.mem)
	if s.owner != nil {
		s.owner.slot = nil
	}
	s.aead, s.owner, s.used = nil, nil, false
}

// pinLocked gets k's key of that epoch expanded, and keeps it so until unpin.
func (r *Ring) pinLocked(k *Key, epoch uint32) (*slot, error) {
	for {
		switch {
		case r.master == nil || k.epochs == nil:
			return nil, ErrForgotten
		case k.slot != nil && k.slot.epoch == epoch:
			k.slot.pins++
			k.slot.used = true
			return k.slot, nil
		}
		if s := r.victimLocked(); s != nil {
			s.wipe()
			if err := r.expandLocked(s, k.epochs[epoch].wrapped[:]); err != nil {
				return nil, err
			}
			k.dropSlotLocked() // of another epoch
			s.owner, s.epoch, s.pins, s.used = k, epoch, 1, true
			k.slot = s
			return s, nil
		}
		r.free.Wait()
	}
}

func (r *Ring) unpin(s *slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.pins--; s.pins > 0 {
		return
	}
	if s.owner == nil {
		s.wipe()
	}
	r.free.Broadcast()
}

// victimLocked finds a slot that is not in use, going round; nil if there is none.
func (r *Ring) victimLocked() *slot {
	for range 2 * len(r.slots) {
		s := &r.slots[r.hand]
		r.hand = (r.hand + 1) % len(r.slots)
		if s.pins == 0 && !s.used {
			return s
		}
		s.used = s.used && s.pins > 0
	}
	return nil
}

// expandLocked unwraps a file's key and puts its cipher into s, leaving no other copy. Wrapped
// keys are uniformly random, so that unwrapping can be encryption, block by block.
func (r *Ring) expandLocked(s *slot, wrapped []byte) (err error) {
	expand(func() { err = r.unwrapLocked(s, wrapped) })
	return err
}

func (r *Ring) unwrapLocked(s *slot, wrapped []byte) error {
	for i := 0; i < keySize; i += aes.BlockSize {
		r.master.Encrypt(r.key[i:i+aes.BlockSize], wrapped[i:i+aes.BlockSize])
	}
	block, err := aes.NewCipher(r.key)
	clear(r.key)
	if err != nil {
		return err
	}
	defer erase(block)
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	s.aead, err = settle(aead, s.mem, r.region.unlocked)
	return err
}
