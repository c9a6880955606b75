package lifecycle

import (
	"io"
	"log/slog"
	"os"
)

// NewLogger writes to w: warnings only, unless verbose.
func NewLogger(w io.Writer, verbose, json bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelWarn}
	if verbose {
		o.Level = slog.LevelDebug
	}
	if json {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func (c *Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return NewLogger(os.Stderr, c.Verbose, c.LogJSON)
}
