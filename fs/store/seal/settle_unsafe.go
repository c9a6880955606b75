package seal

import (
	"fmt"
	"reflect"
	"unsafe"
)

// settle moves the value that the interface v points to into mem and wipes the original, so
// that keys which the standard library expands on the heap stay in locked memory only. That
// is possible for a type without pointers (crypto/aes and crypto/cipher have such ones on
// all platforms but s390x); of others the original is returned if unlocked allows it.
//
// The garbage collector does not look at mem: v's users must not outlive it.
func settle[T any](v T, mem []byte, unlocked bool) (T, error) {
	from := reflect.ValueOf(v)
	if from.Kind() != reflect.Pointer || !plain(from.Type().Elem()) || int(from.Type().Elem().Size()) > len(mem) {
		if unlocked {
			return v, nil
		}
		return v, fmt.Errorf("%w: %T cannot be moved", ErrNotLocked, v)
	}
	to := reflect.NewAt(from.Type().Elem(), unsafe.Pointer(unsafe.SliceData(mem)))
	to.Elem().Set(from.Elem())
	from.Elem().SetZero()
	return to.Interface().(T), nil
}

// erase wipes the value that v points to.
func erase(v any) {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
		p.Elem().SetZero()
	}
}

// plain says whether a value of type t holds no pointers.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	default:
		return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128
	}
}
