// Package system starts what the benchmark compares: each system is a
// directory on its own filesystem and an agent process that works there (see
// package load).
//
// Everything started here lives in the namespaces that the benchmark has made
// for itself and ends with them: there is nothing to stop or to unmount.
package system
