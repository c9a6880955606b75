//go:build race || strict

package quota

// strict makes errors of bookkeeping panic: in what is built for tests, with the race detector or the tag strict.
const strict = true
