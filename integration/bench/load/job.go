package load

import "time"

// A Job is one measurement, sent to an agent as JSON.
type Job struct {
	Case string
	// Dir is the case's own directory in the filesystem; what is in there stays
	// between the rounds of a case.
	Dir string
	// Clean removes Dir instead of measuring.
	Clean bool
	// Read is a file to show instead of measuring.
	Read string

	Sample time.Duration // small operations: how long to measure
	Steps  int           // or how many steps to do, without a measurement; 0 measures
	Sizes  Sizes
	Inputs string // what programs work on, see Inputs
	Daemon int    // process that serves the filesystem, 0 without one
	Users  int    // at work, by which small operations are done; 0 for the agent's own
}

// Sizes is how large the work is.
type Sizes struct {
	Stream int64         // bytes written and read in sequence
	Random int64         // bytes of the file for random access
	Remove int64         // bytes of the file that is removed
	Few    int           // files that the rate of Many is compared with
	Many   int           // files in the scale rows
	Mounts int           // at the same time
	Settle time.Duration // until written data is in memory once
	Budget int64         // bytes of memory that systems which spill may use
	Beyond int64         // bytes of a file that is several times as large as that
	// Vanish says that files vanish at their last close: what is to last stays open.
	Vanish bool
}

// SpillBudget is small, so that a file several times as large is soon written.
const SpillBudget = 64 << 20

// Full are the sizes that the bounds are about.
var Full = Sizes{Stream: 256 << 20, Random: 64 << 20, Remove: 1 << 30, Few: 10_000, Many: 1_000_000, Mounts: 200, Settle: 2 * time.Second, Budget: SpillBudget, Beyond: 16 * SpillBudget}

// Quick are for a look.
var Quick = Sizes{Stream: 32 << 20, Random: 16 << 20, Remove: 64 << 20, Few: 1_000, Many: 5_000, Mounts: 10, Settle: 200 * time.Millisecond, Budget: SpillBudget, Beyond: 4 * SpillBudget}

// A Result is an agent's answer.
type Result struct {
	Values      map[string]float64 // by row name
	Unsupported bool               // the filesystem cannot do it
	Err         string
	Text        string // of Job.Read
	Device      uint64 // of Job.Dir if that is on a FUSE filesystem
}
