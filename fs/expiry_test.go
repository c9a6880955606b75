package fs

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// TestExpiry: what is added ends in that order, but for what is cancelled, and a timer is there as long as it is needed.
func TestExpiry(t *testing.T) {
	ended := make(chan int, 100)
	e := expiry[int]{end: func(l *lapse[int]) { ended <- l.value }}
	var all []*lapse[int]
	for i := range 6 {
		all = append(all, e.add(i, 5*time.Millisecond))
	}
	for _, i := range []int{0, 3, 5} {
		if !e.cancel(all[i]) || e.cancel(all[i]) {
			t.Errorf("%d is cancelled other than once", i)
		}
	}
	if got := []int{<-ended, <-ended, <-ended}; !slices.Equal(got, []int{1, 2, 4}) {
		t.Errorf("ended: %v", got)
	}
	e.mu.Lock()
	if e.first != nil || e.last != nil || e.timer != nil {
		t.Error("something is left")
	}
	e.mu.Unlock()
	e.add(7, time.Millisecond)
	if got := <-ended; got != 7 || e.cancel(all[1]) {
		t.Errorf("ended: %d", got)
	}
	late := e.add(8, time.Hour)
	e.close()
	if e.cancel(late) || e.cancel(e.add(9, 0)) {
		t.Error("something is there after close")
	}
}

// TestExpiryOrder: what is due first ends first, whenever it was added.
func TestExpiryOrder(t *testing.T) {
	ended := make(chan int, 4)
	e := expiry[int]{end: func(l *lapse[int]) { ended <- l.value }}
	for i, life := range []time.Duration{time.Hour, 20 * time.Millisecond, 30 * time.Millisecond, time.Millisecond} {
		e.add(i, life)
	}
	if got := []int{<-ended, <-ended, <-ended}; !slices.Equal(got, []int{3, 1, 2}) {
		t.Errorf("ended: %v", got)
	}
	e.close()
}

// TestExpiryParallel: each thing ends or is cancelled, once.
func TestExpiryParallel(t *testing.T) {
	const workers, times = 4, 2000
	var mu sync.Mutex
	count := make(map[int]int)
	done := make(chan struct{}, workers*times)
	note := func(i int) {
		mu.Lock()
		defer mu.Unlock()
		count[i]++
		done <- struct{}{}
	}
	e := expiry[int]{end: func(l *lapse[int]) { note(l.value) }}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range times {
				n := w*times + i
				if l := e.add(n, time.Duration(50+i%7)*time.Microsecond); i%3 == 0 && e.cancel(l) {
					note(n)
				}
			}
		})
	}
	wg.Wait()
	for range workers * times {
		<-done
	}
	e.close()
	for i := range workers * times {
		if count[i] != 1 {
			t.Fatalf("%d ended %d times", i, count[i])
		}
	}
}
