package load

import (
	"strconv"
	"time"
)

// names makes file names that were never used before: a name once seen missing
// may be known as missing to the kernel.
type names struct {
	buf  []byte // prefix, counter, NUL
	keep int    // length of the prefix
	next uint64
}

func newNames() *names {
	prefix := "n" + strconv.FormatInt(time.Now().UnixNano(), 36) + "-"
	return &names{buf: append(make([]byte, 0, 64), prefix...), keep: len(prefix), next: 1e6}
}

// fresh is a new name, valid until the next call. All names have the same length.
func (n *names) fresh() []byte {
	n.next++
	n.buf = append(strconv.AppendUint(n.buf[:n.keep], n.next, 10), 0)
	return n.buf
}
