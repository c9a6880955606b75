//go:build !race && !strict

package quota

const strict = false
