package doctor

import (
	"strings"

	"vanishfs/lifecycle"
	"vanishfs/lifecycle/process"
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
