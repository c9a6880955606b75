package fs

import (
	"math/rand/v2"
	"sync"
	"testing"
)

func shardOf(id uint64) uint32 { return uint32(id) % tableShards }

// An id finds its own inode or nothing, whoever has had its slot since, and no two are alike.
func TestTableIDsAreNeverMixedUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	root := new(inode)
	nodes := newTable(root)
	if root.id != 1 || root.ino != 1 {
		t.Fatalf("root is node %d, inode %d, want 1 and 1", root.id, root.ino)
	}
	live := map[uint64]*inode{1: root}
	gone := map[uint64]bool{0: true}
	inos := map[uint64]bool{1: true}
	dirs := []uint64{1}
	for range 40 * tableChunkSlots {
		if r.IntN(3) > 0 || len(live) == 1 {
			n := new(inode)
			nodes.add(n, dirs[r.IntN(len(dirs))])
			if live[n.id] != nil || gone[n.id] || inos[n.ino] {
				t.Fatalf("node %d, inode %d is given twice", n.id, n.ino)
			}
			live[n.id], inos[n.ino] = n, true
			dirs = append(dirs, n.id)
			continue
		}
		for id, n := range live {
			if n != root {
				nodes.remove(n)
				nodes.remove(n) // does nothing
				delete(live, id)
				gone[id] = true
				break
			}
		}
	}
	for id, n := range live {
		if nodes.get(id) != n {
			t.Fatalf("node %d is not found", id)
		}
	}
	for id := range gone {
		if nodes.get(id) != nil {
			t.Fatalf("node %d is found after its removal", id)
		}
	}
	for range 10_000 {
		if id := r.Uint64() >> r.IntN(64); nodes.get(id) != live[id] {
			t.Fatalf("node %d was invented and is found", id)
		}
	}
	found := 0
	for n := range nodes.all() {
		found++
		if live[n.id] != n {
			t.Errorf("all has node %d, which is gone", n.id)
		}
	}
	if found != len(live) {
		t.Errorf("all has %d nodes of %d", found, len(live))
	}
}

// Whatever others add and remove, each finds its own and no more what it has removed.
func TestTableInParallel(t *testing.T) {
	const callers, rounds, held = 8, 4000, 50
	nodes := newTable(new(inode))
	var mu sync.Mutex
	inos := map[uint64]bool{}
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(c)))
			var mine []*inode
			given := make([]uint64, 0, rounds)
			for range rounds {
				n := new(inode)
				nodes.add(n, uint64(r.IntN(3*tableShards))) // directories of its own and of others
				given = append(given, n.ino)
				if mine = append(mine, n); len(mine) > held {
					i := r.IntN(len(mine))
					old := mine[i]
					mine[i] = mine[len(mine)-1]
					mine = mine[:len(mine)-1]
					nodes.remove(old)
					if nodes.get(old.id) != nil {
						t.Errorf("node %d is found after its removal", old.id)
					}
				}
				if n := mine[r.IntN(len(mine))]; nodes.get(n.id) != n {
					t.Errorf("node %d is not found", n.id)
				}
				if id := uint64(r.IntN(callers * held * tableShards)); id != 0 {
					if n := nodes.get(id); n != nil && n.id != id {
						t.Errorf("node %d is found as %d", n.id, id)
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, ino := range given {
				if inos[ino] {
					t.Errorf("inode %d is given twice", ino)
				}
				inos[ino] = true
			}
		})
	}
	all.Wait()
}

// Directories made one after the other have their files in different shards, at every depth.
func TestTableSpreadsDirectories(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	parent := uint64(1)
	for range 3 {
		used := map[uint32]bool{}
		var dir uint64
		for i := range tableShards {
			var err error
			if dir, err = u.mkdir(parent, string(rune('a'+i))); err != nil {
				t.Fatal(err)
			}
			var files [2]uint64
			for j := range files {
				if files[j], err = u.mkdir(dir, string(rune('A'+j))); err != nil {
					t.Fatal(err)
				}
			}
			if shardOf(files[0]) != shardOf(files[1]) {
				t.Errorf("files of one directory are in shards %d and %d", shardOf(files[0]), shardOf(files[1]))
			}
			used[shardOf(files[0])] = true
		}
		// Files that get in between, in the shard of their directory, cost some.
		if len(used) < tableShards*3/4 {
			t.Errorf("%d directories use %d shards of %d", tableShards, len(used), tableShards)
		}
		parent = dir
	}
}

// A table grows with what is in it, not with what was.
func TestTableUsesSlotsAgain(t *testing.T) {
	nodes := newTable(new(inode))
	for range 3 * tableChunkSlots {
		var batch [tableChunkSlots / 2]inode
		for i := range batch {
			nodes.add(&batch[i], 1)
		}
		for i := range batch {
			nodes.remove(&batch[i])
		}
	}
	chunks := 0
	for i := range nodes.shards {
		chunks += len(*nodes.shards[i].chunks.Load())
	}
	if chunks > 2 { // the root's and the other
		t.Errorf("%d chunks", chunks)
	}
}
