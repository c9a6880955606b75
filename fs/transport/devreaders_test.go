package transport

import (
	"sync"
	"testing"
)

// crew is readers whose threads are goroutines that do nothing but stay.
type crew struct {
	readers
	asked  chan int32 // the limit for the reader that takes it
	stayed chan struct{}
	ended  chan struct{}
	all    sync.WaitGroup
}

func newCrew(t *testing.T) *crew {
	c := &crew{asked: make(chan int32), stayed: make(chan struct{}, maxReaders), ended: make(chan struct{}, maxReaders)}
	c.init(func() {
		c.all.Go(func() {
			defer c.gone()
			for limit := range c.asked {
				c.leave()
				if !c.stay(limit) {
					c.ended <- struct{}{}
					return
				}
				c.stayed <- struct{}{}
			}
		})
	})
	t.Cleanup(func() { close(c.asked); c.dismiss(); c.all.Wait() })
	return c
}

func (c *crew) counts() (idle, total, parked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.idle.Load()), c.total, c.parked
}

func (c *crew) await(t *testing.T, idle, total, parked int) {
	t.Helper()
	until(t, "the readers are counted right", func() bool {
		i, n, p := c.counts()
		return i == idle && n == total && p == parked
	})
}

// TestReadersPark: with a lower limit readers wait beside the device, and come
// back when they are called.
func TestReadersPark(t *testing.T) {
	c := newCrew(t)
	for range 3 {
		c.more()
	}
	c.await(t, 3, 3, 0)
	c.asked <- 1
	c.await(t, 2, 3, 1)
	c.asked <- 1
	c.await(t, 1, 3, 2)
	c.asked <- 1
	<-c.stayed // the last one
	c.await(t, 1, 3, 2)
	c.more()
	c.await(t, 2, 3, 1)
	c.more()
	c.more()
	c.await(t, 4, 4, 0)
}

// TestReadersEnd: more than may be parked end, and all at dismiss.
func TestReadersEnd(t *testing.T) {
	c := newCrew(t)
	n := int(c.maxIdle) + 2
	for range n {
		c.more()
	}
	for range c.maxIdle {
		c.asked <- 1
	}
	c.await(t, 2, n, n-2)
	c.asked <- 1
	<-c.ended
	c.await(t, 1, n-1, n-2)
	c.dismiss()
	for range n - 2 {
		<-c.ended
	}
	c.await(t, 1, 1, n-2)
	c.more() // nothing is left to read
	c.await(t, 1, 1, n-2)
	c.asked <- 0
	<-c.ended
}

func TestReadersAreBounded(t *testing.T) {
	c := newCrew(t)
	for range maxReaders + 3 {
		c.more()
	}
	c.await(t, maxReaders, maxReaders, 0)
}
