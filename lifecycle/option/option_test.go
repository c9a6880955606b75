package option

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Each line of the table says all that flags, help and manual pages are made of.
func TestTable(t *testing.T) {
	names := map[string]bool{}
	once := func(name string) {
		if names[name] {
			t.Errorf("%s is there twice", name)
		}
		names[name] = true
	}
	for _, o := range All() {
		once(o.MountName())
		for _, a := range o.Aliases {
			once(a.Name)
			if a.Value != "" {
				if _, err := o.Parse(a.Value); err != nil {
					t.Errorf("%s: %s sets %q: %v", o.Name, a.Name, a.Value, err)
				}
			}
			if a.From == "" || a.Blocks && o.Kind != Size {
				t.Errorf("%s: alias %+v", o.Name, a)
			}
		}
		if o.Help == "" || o.Section == "" || o.For == 0 || o.IsSwitch() != (o.Placeholder == "") || (o.Kind == Word) != (len(o.Words) > 0) {
			t.Errorf("%s: %+v", o.Name, o)
		}
		if o.Change == Live && !o.Accepts(MountOption) {
			t.Errorf("%s can change, but by no remount", o.Name)
		}
		if other, word, needs := strings.Cut(o.Needs, "="); needs && !slices.Contains(Find(other).Words, word) {
			t.Errorf("%s needs %s", o.Name, o.Needs)
		}
	}
	Defaults() // panics where one cannot be read
}

// However a value was written, its text means the same when it is read again, and is stored and shown as such.
func TestTextIsStable(t *testing.T) {
	written := map[Kind][]string{
		Size: {"0", "1", "2g", "25%", "1.5GB"}, Count: {"0", "64k"}, Duration: {"0", "10d", "1w2d3h", "1.5s"},
		Switch: {"true", "1", "0"}, Mode: {"755", "1777", "0"}, User: {"root", "0", "4711"}, Group: {"root", "7"},
		Path: {"/x", "y"}, Line: {"", "name with blanks"}, Paths: {"x"},
	}
	places := map[Kind]any{
		Size: new(int64), Count: new(int64), Duration: new(time.Duration), Word: new(string), Switch: new(bool),
		Mode: new(*uint32), User: new(*uint32), Group: new(*uint32), Path: new(string), Line: new(string), Paths: new(string),
	}
	for _, o := range All() {
		for _, value := range append(written[o.Kind], o.Words...) {
			text, err := o.Parse(value)
			if err != nil {
				t.Errorf("%s %q: %v", o.Name, value, err)
				continue
			}
			if again, err := o.Parse(text); err != nil || again != text {
				t.Errorf("%s %q is %q, and that is %q, %v", o.Name, value, text, again, err)
			}
			p := places[o.Kind]
			if err := o.Store(p, text); err != nil {
				t.Errorf("%s: store %q: %v", o.Name, text, err)
			}
			if back, ok := o.Text(p); !ok || back != text {
				t.Errorf("%s: %q was stored as %q", o.Name, text, back)
			}
			if err := o.Check(p); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestChanges(t *testing.T) {
	has := Set{"size": "4096", "remove": "session", "linger": "2s", "noexec": "false", "store": "memory", "mode": "1777"}
	for _, c := range []struct {
		want    Set
		changes Set    // nil: an error
		says    string // part of it
	}{
		{Set{}, Set{}, ""},
		{Set{"size": "4096", "mode": "1777"}, Set{}, ""},
		{Set{"size": "0", "linger": "2s", "noexec": "false"}, Set{"size": "0"}, ""},
		{Set{"size": "0", "noexec": "true"}, nil, "noexec is false and cannot change"},
		{Set{"mode": "0700", "size": "0"}, nil, "mode is 1777"},
		{Set{"memory": "0"}, nil, "add --store=tiered"},
		{Set{"memory": "0", "store": "tiered"}, nil, "store is memory"},
	} {
		got, err := c.want.Changes(has)
		if !maps.Equal(got, c.changes) || (err == nil) != (c.changes != nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, %v; want %v", c.want, got, err, c.changes)
		}
	}
}

// What is sent to a mount comes to be what was wanted, and nothing that is fixed gets through.
func TestChangesTravel(t *testing.T) {
	live := map[string]*rapid.Generator[string]{
		"size": rapid.StringMatching(`[1-9][0-9]{0,17}|0`), "inodes": rapid.StringMatching(`[1-9][0-9]{0,9}|0`),
		"file-size": rapid.SampledFrom([]string{"0", "1g", "50%"}), "linger": rapid.SampledFrom([]string{"0", "10d", "1.5s", "3w"}),
		"max-idle": rapid.SampledFrom([]string{"0", "1h"}), "remove": rapid.SampledFrom([]string{"session", "close"}),
		"user-size": rapid.Just("1m"), "session-size": rapid.Just("2m"),
	}
	for _, o := range All() {
		if (o.Change == Live) != (live[o.Name] != nil) {
			t.Fatalf("%s is live or not", o.Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := Set{}
		for name, value := range live {
			if rapid.Bool().Draw(t, name) {
				if err := want.Add(Find(name), name, value.Draw(t, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(want) == 0 {
			return
		}
		got, err := ParseChanges(want.String())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
		if _, err := ParseChanges(want.String() + ",mode=1777"); err == nil {
			t.Fatal("the mode changed")
		}
	})
}
