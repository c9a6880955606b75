package report

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"vanishfs/integration/bench/load"
)

// A Machine is what a figure is worth nothing without.
type Machine struct {
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	RAM    uint64 `json:"ram_bytes"`
	Load   string `json:"load_at_start"` // average of the last minute
	// Seal is how long one CPU takes to seal a MiB with AES-256-GCM, what spilling needs at least, ns.
	Seal float64 `json:"seal_ns_per_mib"`
	// RoundTrip is load.PipeRoundTrip, ns; 0 if it cannot be measured.
	RoundTrip float64 `json:"pipe_round_trip_ns"`
}

// ThisMachine describes where the benchmark runs.
func ThisMachine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), CPU: cpuModel(), Load: "?", Seal: sealTime()}
	m.RoundTrip, _ = load.PipeRoundTrip()
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) == nil {
		m.RAM = s.Totalram * uint64(s.Unit)
	}
	if loads, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(loads), " ")
	}
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("Linux %s, %d CPUs (%s, AES-256-GCM at %.2f GB/s each, a byte to another process and back %s µs), %.1f GiB of RAM, load %s at the start",
		m.Kernel, m.CPUs, m.CPU, gigabytes(m.Seal), load.Micros.Format(m.RoundTrip), float64(m.RAM)/(1<<30), m.Load)
}

// gigabytes is the rate of so many nanoseconds per MiB in GB/s: 10^9 bytes, as crypto and disks are rated.
func gigabytes(perMiB float64) float64 { return (1 << 20) / perMiB }

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
