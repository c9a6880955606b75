package fs

import (
	"hash/maphash"
	"strings"
	"sync"
)

// templates remembers the names in new/ and once/ that were looked up last, from LOOKUP to the READLINK that
// comes next: the kernel asks that by the id alone. There is room for a fixed number of them, the same for each
// user, so that nobody can fill it for others, and nothing has to be given back. An id whose place was taken by
// another name finds nothing: for ESTALE the kernel looks the name up again (fs/namei.c, retry_estale).
//
// A name that is asked for again keeps its id, so that the kernel need not make its symlink anew.
type templates struct {
	seed  maphash.Seed
	parts [templateParts]templatePart
}

const (
	templateParts = 64 // users that share a part have user ids that differ by a multiple of it
	templateSets  = 16 // in a part; the name decides
	templateWays  = 16 // places in a set; what was put there first is replaced first

	templatePlaces = templateParts * templateSets * templateWays
)

type templatePart struct {
	mu   sync.Mutex
	sets [templateSets][]templatePlace // at most templateWays each; guarded by mu
	next uint64                        // how many names came; guarded by mu
}

// A templatePlace holds the name that came as number.
type templatePlace struct {
	asked
	number uint64
}

// asked is a name in new/ or once/ of a directory.
type asked struct {
	dir  uint64 // id
	name string
	once bool
}

// add returns an id for a name, which it copies.
func (t *templates) add(uid uint32, a asked) (id uint64) {
	part := uint64(uid % templateParts)
	set := (maphash.String(t.seed, a.name) ^ a.dir) % templateSets
	p := &t.parts[part]
	p.mu.Lock()
	defer p.mu.Unlock()
	places := p.sets[set]
	for way := range places {
		if places[way].asked == a {
			return templateID(part, set, uint64(way), places[way].number)
		}
	}
	a.name = strings.Clone(a.name)
	p.next++
	if len(places) < templateWays {
		p.sets[set] = append(places, templatePlace{a, p.next})
		return templateID(part, set, uint64(len(places)), p.next)
	}
	oldest := 0
	for way := range places {
		if places[way].number < places[oldest].number {
			oldest = way
		}
	}
	places[oldest] = templatePlace{a, p.next}
	return templateID(part, set, uint64(oldest), p.next)
}

// templateID has a number that does not come again for decades: 46 bits.
func templateID(part, set, way, number uint64) uint64 {
	at := (part*templateSets+set)*templateWays + way
	return magicBit | uint64(magicTemplate)<<kindShift | (number*templatePlaces+at)&idMask
}

// get returns the name with that id, if it is still remembered.
func (t *templates) get(id uint64) (asked, bool) {
	at := id % templatePlaces
	part, set, way := at/(templateSets*templateWays), at/templateWays%templateSets, at%templateWays
	p := &t.parts[part]
	p.mu.Lock()
	defer p.mu.Unlock()
	if way >= uint64(len(p.sets[set])) {
		return asked{}, false
	}
	found := p.sets[set][way]
	return found.asked, templateID(part, set, way, found.number) == id
}

// each calls f for every name that is remembered, with its id.
func (t *templates) each(f func(id uint64, a asked)) {
	for part := range t.parts {
		p := &t.parts[part]
		p.mu.Lock()
		sets := p.sets
		for set := range sets {
			sets[set] = append([]templatePlace(nil), sets[set]...)
		}
		p.mu.Unlock()
		for set, places := range sets {
			for way, place := range places {
				f(templateID(uint64(part), uint64(set), uint64(way), place.number), place.asked)
			}
		}
	}
}
