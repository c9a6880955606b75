package doctor

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"vanishfs/fs/process"
	"vanishfs/lifecycle"
	"vanishfs/lifecycle/memcg"
)

// resourceLimits are those of this process, which a daemon that it started would have.
func resourceLimits() Check {
	process.LiftLimits()
	var does, enable []string
	c := Check{Name: "resource limits"}
	for _, l := range new(lifecycle.Config).Limits() {
		does = append(does, l.Name+": "+l.Does)
		enable = append(enable, l.Enable)
		c.Needed = c.Needed || l.Fatal
	}
	return c.tried(strings.Join(does, "; "), "none that would end a daemon",
		"what a daemon may not do, nobody's files in its mount can have", strings.Join(enable, "; "))
}

// memoryCgroup is never in the way: the default of --size goes by it.
func memoryCgroup() Check {
	c := Check{Name: "memory cgroup", State: OK, Detail: "has all RAM"}
	if l, limited := memcg.Find(); limited {
		c.Detail = fmt.Sprintf("has %s (%s): a larger --size or --memory is warned of; when files need more, the kernel ends the daemon",
			humanize.IBytes(uint64(l.Bytes)), l.Group)
	}
	return c
}
