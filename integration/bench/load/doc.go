// Package load is the work that the benchmark gives to a filesystem, and how
// its time is taken.
//
// Work is done where the filesystem is: an agent process (agent.go) stands in
// the mount namespace and under the user in question, gets one job after
// another and answers with results. There are four kinds of cases:
//
//   - small operations (op_*.go) run in a tight loop (measure.go) in worker
//     processes of their own (worker.go): raw system calls, no allocation, no
//     garbage collection, no signal of the Go runtime's; several at once
//     (workers.go), or by several users in turn (users.go);
//   - programs (program_*.go) are what people do, in wall time;
//   - masses of files (scale.go);
//   - what more data than memory does: to a stream (op_beyond.go), to others
//     (pressure.go) and after a long time (aging.go).
//
// Cases that a system does itself, as a whole, have only their names here (own.go).
//
// Every value is nanoseconds per unit, so less is always better; Unit says how
// it is shown.
package load
