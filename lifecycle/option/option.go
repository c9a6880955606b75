// Package option is the one table of what a filesystem can be told: by a flag, by a mount option, by a
// remount, by "vanishfs set" and by whatever front end comes next.
//
// An Option says how it is called, how its value is written, what it is when nobody says anything, whether it
// can change while mounted, and what to tell people about it. Everything else is made from the table: flags,
// help and manual pages from its words, parsing and validation from its kind, and what "vanishfs status" shows
// from what a mount was made with.
//
// # Values
//
// People write a value in many ways: 2g, 2GiB, 25%. Parse turns each into one text that means the same and is
// equal if the value is: bytes, a count, a duration as Go prints it, an octal mode, the number of a user. A Set
// holds such texts by name. They are what travels, to the daemon of a mount and back as its status.
//
// # Changes
//
// A Live option can be changed while the filesystem is mounted: by whoever may remount it, that is, who has
// CAP_SYS_ADMIN in the user namespace of the mount, and for an ordinary user's mount by that user. Changes are
// all or nothing. The others are Fixed: to name one with the value that the mount has is fine, since mount(8)
// passes on what stands in /etc/fstab; any other value is an error.
package option

import (
	"slices"
	"strings"
)

// A Kind is how the value of an option is written.
type Kind uint8

const (
	Size     Kind = iota // bytes, see size.go
	Count                // a number of things
	Duration             // see duration.go
	Word                 // one of Option.Words
	Switch               // as a flag without a value; true or false
	Mode                 // octal permission bits
	User                 // a name or a number
	Group                // a name or a number
	Path                 // made absolute: a daemon's directory is another than the caller's
	Paths                // given once for each path
	Line                 // any text of one line
)

// A Change says whether an option can change while the filesystem is mounted.
type Change uint8

const (
	Fixed Change = iota
	Live
)

// A Front is a way to give an option.
type Front uint8

const (
	Run         Front = 1 << iota // a flag of "vanishfs run"
	Mount                         // a flag of "vanishfs mount", and of "vanishfs set" if it is Live
	MountOption                   // a mount option: -o, /etc/fstab, and what containers pass on
	Everywhere  = Run | Mount | MountOption
)

// An Option is a line of the table. All is constant.
type Option struct {
	Name    string // of the flag; in a mount option "-" and "_" are the same
	Short   string // one letter, flag only
	Aliases []Alias
	Kind    Kind
	Words   []string // of the kind Word; the first is the default
	Change  Change
	For     Front
	Needs   string // "NAME=WORD": makes sense only where that option has that value

	// Default is the value if none is given, as people would write it; empty is none, off, or what DefaultText says.
	Default     string
	DefaultText string // for people, where Default does not say it

	Section     Section
	Placeholder string // what stands for the value in the help: SIZE, a|b
	Help        string // one phrase, which may use the placeholder
}

// An Alias is another name of an option, as a mount option.
type Alias struct {
	Name   string
	From   string // whose it is: tmpfs, mount(8), libfuse
	Value  string // what it sets; empty: its own value
	Blocks bool   // its own value is in pages
}

// A Section is a heading in the help.
type Section string

// IsSwitch reports whether the option takes no value on a command line.
func (o *Option) IsSwitch() bool { return o.Kind == Switch }

// Accepts reports whether the option can be given that way.
func (o *Option) Accepts(f Front) bool { return o.For&f != 0 }

// MountName is the name as a mount option, as tmpfs's are written.
func (o *Option) MountName() string { return underscored(o.Name) }

func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// All are the options in the order in which they are shown.
func All() []*Option { return table }

// Of are the options that can be given in that way.
func Of(f Front) []*Option {
	return slices.DeleteFunc(slices.Clone(table), func(o *Option) bool { return !o.Accepts(f) })
}

// Find is the option of that name, nil if there is none.
func Find(name string) *Option {
	for _, o := range table {
		if o.Name == name {
			return o
		}
	}
	return nil
}
