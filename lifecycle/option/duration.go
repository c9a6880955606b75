package option

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Durations are Go's (2s, 1h30m, 500ms) with weeks and days in front: 10d,
// 1w2d, 1d12h. A number without a unit is refused, except 0: tools disagree
// whether it means seconds.

var errDurationForm = errors.New("not a duration; write for instance 2s, 90m, 1d12h, 10d, or 0 for off")

// Four digits each, so that weeks and days never overflow a time.Duration.
var durationPattern = pattern(`^(?:([0-9]{1,4})w)?(?:([0-9]{1,4})d)?(.*)$`)

// parseDuration reads a duration, which is never negative.
func parseDuration(s string) (time.Duration, error) {
	match := durationPattern().FindStringSubmatch(s)
	if s == "" || match == nil {
		return 0, errDurationForm
	}
	total := days(match[1])*7 + days(match[2])
	if match[3] == "" {
		return total, nil
	}
	rest, err := time.ParseDuration(match[3])
	if err != nil || strings.ContainsAny(match[3][:1], "+-") {
		return 0, errDurationForm
	}
	if total+rest < total {
		return 0, errRange
	}
	return total + rest, nil
}

// days is a time of as many days as the digits say.
func days(digits string) time.Duration {
	n, _ := strconv.Atoi("0" + digits)
	return time.Duration(n) * 24 * time.Hour
}
