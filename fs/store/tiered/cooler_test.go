package tiered

import "testing"

// Frames that stay warm unused go back to the kernel down to what is kept; those in use do not count.
func TestCooler(t *testing.T) {
	a, err := newArena(4096)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	p := newPool(a, marks{total: 4096, warm: 2000, keep: 100}, func() {})
	frames := make([]frame, 3000)
	if !p.take(frames, 0) {
		t.Fatal("no frames")
	}
	for _, f := range frames {
		copy(a.page(f), "used")
	}
	p.give(frames)
	expect := func(what string, warm int, again, got bool) {
		t.Helper()
		if p.warm.len != warm || p.used() != 0 || p.available() != 4096 || got != again {
			t.Errorf("%s: %d warm, %d used, %d available, again %v", what, p.warm.len, p.used(), p.available(), got)
		}
	}
	expect("just freed", 2000, true, p.coolUnused())
	inUse := make([]frame, 700)
	p.take(inUse, 0)
	p.give(inUse)
	expect("700 used meanwhile", 800, true, p.coolUnused()) // 1300 were not used, 100 of these are kept
	expect("unused", 100, false, p.coolUnused())
	for f := range frame(4096) {
		if string(a.page(f)[:4]) == "used" {
			t.Fatalf("frame %d was not wiped", f)
		}
	}
}

// A pool says that it has more warm frames than it keeps.
func TestCoolerIsTold(t *testing.T) {
	a, err := newArena(64)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	p := newPool(a, marks{total: 64, warm: 32, keep: 8}, func() {})
	frames := make([]frame, 16)
	p.take(frames, 0)
	p.give(frames[:8])
	if len(p.ample) != 0 {
		t.Error("told of what is kept")
	}
	p.give(frames[8:])
	if len(p.ample) != 1 {
		t.Error("not told")
	}
}
