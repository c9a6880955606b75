package option

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

var (
	// ErrUnknown: there is no such option, or not beside the others.
	ErrUnknown = errors.New("unknown option")
	// ErrValue: an option has a value that it cannot have.
	ErrValue = errors.New("wrong value")
)

// An Error is an error of what was given, and which of the two it is. Its text is complete without.
type Error struct {
	Kind error // ErrUnknown or ErrValue
	Err  error
}

func (e *Error) Error() string   { return e.Err.Error() }
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

func valuef(format string, args ...any) error { return &Error{ErrValue, fmt.Errorf(format, args...)} }

// A Set is options by name and their values, as Parse writes them.
type Set map[string]string

// Defaults are the values of all options that have one of their own.
func Defaults() Set {
	s := Set{"inodes": strconv.FormatInt(defaultInodes(ram()), 10)}
	for _, o := range table {
		if o.Default == "" {
			continue
		}
		text, err := o.Parse(o.Default)
		if err != nil {
			panic(fmt.Sprintf("default of option %s: %v", o.Name, err))
		}
		s[o.Name] = text
	}
	return s
}

// Add adds the value that was written for o; shown is what people call it, for the message.
func (s Set) Add(o *Option, shown, value string) error {
	text, err := o.Parse(value)
	if err != nil {
		return valuef("%s %q: %w", shown, value, err)
	}
	s[o.Name] = text
	return nil
}

// Needed says which option of s makes no sense beside the others, those that are not in s having what is in has.
func (s Set) Needed(has Set) error {
	for _, o := range table {
		other, word, needs := strings.Cut(o.Needs, "=")
		if _, given := s[o.Name]; !needs || !given {
			continue
		}
		value, given := s[other]
		if !given {
			value = has[other]
		}
		if value != word {
			return &Error{ErrUnknown, fmt.Errorf("%s is for the %s %s only; add --%s (or option %[4]s)", o.Name, word, other, o.Needs)}
		}
	}
	return nil
}

// Sensible is s without what makes no sense beside the others.
func (s Set) Sensible() Set {
	maps.DeleteFunc(s, func(name, _ string) bool {
		other, word, needs := strings.Cut(Find(name).Needs, "=")
		return needs && s[other] != word
	})
	return s
}

// Changes are what of s is not in has, the options of a mount. All of that must be Live.
func (s Set) Changes(has Set) (Set, error) {
	if err := s.Needed(has); err != nil {
		return nil, valuef("%s", err)
	}
	changes := Set{}
	for _, o := range table {
		text, given := s[o.Name]
		is, known := has[o.Name]
		switch {
		case !given || known && text == is:
		case o.Change != Live:
			return nil, valuef("%s is %s and cannot change while it is mounted", o.Name, o.Show(is))
		default:
			changes[o.Name] = text
		}
	}
	return changes, nil
}

// String is the set as a list of mount options in the order of the table. Values with a comma are for people only.
func (s Set) String() string {
	var words []string
	for _, o := range table {
		switch text, given := s[o.Name]; {
		case !given:
		case !o.IsSwitch():
			words = append(words, o.Name+"="+text)
		case text == "true":
			words = append(words, o.Name)
		}
	}
	return strings.Join(words, ",")
}

// ParseChanges is the inverse of String for what is Live.
func ParseChanges(list string) (Set, error) {
	s := Set{}
	for word := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(word, "=")
		o := Find(name)
		if o == nil || o.Change != Live {
			return nil, &Error{ErrUnknown, fmt.Errorf("option %s cannot change", name)}
		}
		if err := s.Add(o, name, value); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Names are those of the set, in alphabetic order.
func (s Set) Names() []string { return slices.Sorted(maps.Keys(s)) }
