package seal

import (
	"reflect"
	"unsafe"
)

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

func pointer(v any) uintptr { return reflect.ValueOf(v).Pointer() }
