package transport

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFollowerSpreads: a second caller ends the following at once, and so does
// a request that may take long.
func TestFollowerSpreads(t *testing.T) {
	for name, c := range map[string]struct {
		caller uint32
		pace   pace
		alone  bool
	}{
		"the one caller":             {7, quick, true},
		"a request nobody waits for": {0, quick, true},
		"a request that waits":       {7, waits, true},
		"a second caller":            {8, quick, false},
		"a slow request":             {7, slow, false},
	} {
		t.Run(name, func(t *testing.T) {
			var f follower
			f.caller.Store(7)
			f.place.Store(1)
			if alone := f.saw(c.caller, c.pace); alone != c.alone {
				t.Errorf("alone: %v", alone)
			}
			if place := f.place.Load(); (place == 1) != c.alone {
				t.Errorf("the reader is on %d", place)
			}
		})
	}
}

// try lets this thread be the caller until the end of a first trial, and says
// whether the reader was sent to its CPU, which is 0.
func (f *follower) try(t *testing.T) (tried bool) {
	self := uint32(unix.Gettid())
	now := time.Unix(1, 0)
	clock := func() time.Time { return now }
	for range soloStreak + 4*trialWindows*followWindow {
		now = now.Add(soloTime / soloStreak)
		f.saw(self, quick)
		if place := f.follow(self, clock); place == 0 {
			tried = true
		} else if place != anywhere {
			t.Fatalf("the reader is sent to CPU %d", place)
		}
	}
	return tried
}

// TestFollowerTries: a caller that stays alone is tried to be followed.
func TestFollowerTries(t *testing.T) {
	onCPU(t, 0, func() {
		var f follower
		f.place.Store(anywhere)
		if !f.try(t) {
			t.Error("the reader was never sent to the caller's CPU")
		}
	})
}

// TestFollowerHurries: many requests in a short time do not make a single caller.
func TestFollowerHurries(t *testing.T) {
	var f follower
	f.place.Store(anywhere)
	self, now := uint32(unix.Gettid()), time.Unix(1, 0)
	for now.Before(time.Unix(1, int64(soloTime))) {
		f.saw(self, quick)
		if place := f.follow(self, func() time.Time { return now }); place != anywhere {
			t.Fatalf("the reader is sent to CPU %d", place)
		}
		now = now.Add(time.Microsecond)
	}
}

// TestFollowerWaits: nobody is followed while a slow request is being answered.
func TestFollowerWaits(t *testing.T) {
	onCPU(t, 0, func() {
		var f follower
		f.place.Store(anywhere)
		f.saw(8, slow)
		if f.try(t) {
			t.Error("a caller is followed beside a slow request")
		}
		f.answered(slow)
		if !f.try(t) {
			t.Error("nobody is followed after a slow request")
		}
	})
}

func TestLastCPU(t *testing.T) {
	stat := "12 (a) b) (c) S"
	for i := 4; i < 39; i++ {
		stat += fmt.Sprintf(" %d", -i)
	}
	for text, want := range map[string]int32{
		stat + " 3 0 0\n": 3,
		stat + " 255 0":   255,
		stat + " x 0":     anywhere,
		stat:              anywhere,
		"12 (a":           anywhere,
		"":                anywhere,
	} {
		if cpu := cpuField([]byte(text)); cpu != want {
			t.Errorf("%q: CPU %d, want %d", text, cpu, want)
		}
	}
	for cpu := range runtime.NumCPU() {
		onCPU(t, cpu, func() {
			if got := lastCPU(uint32(unix.Gettid())); got != int32(cpu) {
				t.Errorf("this thread is on CPU %d, not %d", cpu, got)
			}
		})
	}
	if cpu := lastCPU(1 << 30); cpu != anywhere {
		t.Errorf("a thread that does not exist is on CPU %d", cpu)
	}
}

// TestPlacement: a move that fails is the last one.
func TestPlacement(t *testing.T) {
	onCPU(t, 0, func() {
		p := newPlacement()
		p.move(0)
		if p.fixed || p.current != 0 {
			t.Errorf("to CPU 0: %+v", p)
		}
		p.move(1000)
		if !p.fixed {
			t.Error("moved to a CPU that does not exist")
		}
		p.move(anywhere)
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(0, &set); err != nil || set != p.initial {
			t.Errorf("now on %v, %v", set, err)
		}
	})
}
