package transport

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTrial lets windows last as long as a made-up machine says.
func TestTrial(t *testing.T) {
	for name, c := range map[string]struct {
		free, follow time.Duration // of a window
		want         int           // of 1000 windows with readers at the caller
	}{
		"following pays":    {time.Millisecond, 300 * time.Microsecond, 990},
		"following is even": {time.Millisecond, time.Millisecond, 20},
		"following hurts":   {time.Millisecond, 3 * time.Millisecond, 20},
	} {
		t.Run(name, func(t *testing.T) {
			var tr trial
			now := time.Unix(1, 0)
			place, with := int32(anywhere), 0
			for range 1000 {
				place = tr.next(now, func() int32 { return 1 })
				if place == 1 {
					with++
					now = now.Add(c.follow)
				} else {
					now = now.Add(c.free)
				}
			}
			if c.want > 500 && with < c.want || c.want < 500 && with > c.want {
				t.Errorf("%d windows with the readers at the caller", with)
			}
		})
	}
}

// TestFollowerSpreads: a second caller ends the following at once.
func TestFollowerSpreads(t *testing.T) {
	var f follower
	f.place.Store(anywhere)
	f.caller.Store(7)
	f.place.Store(1)
	if place := f.saw(7); place != 1 {
		t.Errorf("the one caller: %d", place)
	}
	if place := f.saw(0); place != 1 {
		t.Errorf("a request nobody waits for: %d", place)
	}
	if place := f.saw(8); place != anywhere {
		t.Errorf("a second caller: %d", place)
	}
}

// TestFollowerTries: a caller that stays alone is tried to be followed.
func TestFollowerTries(t *testing.T) {
	onCPU(t, 0, func() {
		var f follower
		f.place.Store(anywhere)
		self, tried := uint32(unix.Gettid()), false
		for range soloStreak + 4*trialWindows*followWindow {
			if place := f.saw(self); place == 0 {
				tried = true
			} else if place != anywhere {
				t.Fatalf("the readers are sent to CPU %d", place)
			}
		}
		if !tried {
			t.Error("the readers were never sent to the caller's CPU")
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
