package fs

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// An xattrList is the extended attributes of an inode in one piece of memory, so that what they take is what they
// are counted as: for each its length of name and value, name, value. It is never changed, only replaced.
type xattrList []byte

// xattrHeader is one byte for the length of a name (XATTR_NAME_MAX is 255) and four for that of a value.
const xattrHeader = 5

// An xattr is one record of a list, which it refers to.
type xattr struct {
	start, end  int
	name, value []byte
}

func (l xattrList) all() iter.Seq[xattr] {
	return func(yield func(xattr) bool) {
		for start := 0; start < len(l); {
			name := start + xattrHeader
			value := name + int(l[start])
			end := value + int(binary.NativeEndian.Uint32(l[start+1:]))
			if !yield(xattr{start, end, l[name:value], l[value:end]}) {
				return
			}
			start = end
		}
	}
}

func (l xattrList) find(name string) (found xattr, ok bool) {
	for a := range l.all() {
		if string(a.name) == name {
			return a, true
		}
	}
	return xattr{}, false
}

// without is the list without one of its attributes; a zero xattr is none.
func (l xattrList) without(a xattr) xattrList {
	if len(l) == a.end-a.start {
		return nil
	}
	return bytes.Join([][]byte{l[:a.start], l[a.end:]}, nil)
}

// with is the list with one of its attributes, or none, replaced by a new one.
func (l xattrList) with(a xattr, name string, value []byte) xattrList {
	var header [xattrHeader]byte
	header[0] = byte(len(name))
	binary.NativeEndian.PutUint32(header[1:], uint32(len(value)))
	return bytes.Join([][]byte{l[:a.start], l[a.end:], header[:], []byte(name), value}, nil)
}

// payload is the bytes of names and values.
func (l xattrList) payload() (n int) {
	for a := range l.all() {
		n += len(a.name) + len(a.value)
	}
	return n
}

// weight is what the list costs, bytes: with what an inode has for it, and what memory is rounded up to.
func (l xattrList) weight() int64 {
	const aside = 64
	if len(l) == 0 {
		return 0
	}
	return int64(len(l)+len(l)/8) + aside
}
