package option

import (
	"errors"
	"fmt"
	"math"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Parse is the one text for the value that people have written as text.
func (o *Option) Parse(text string) (string, error) {
	switch o.Kind {
	case Size:
		return number(parseSize(text, ram()))
	case Count:
		return number(parseCount(text))
	case Duration:
		d, err := parseDuration(text)
		return d.String(), err
	case Word:
		if !slices.Contains(o.Words, text) {
			return "", fmt.Errorf("not one of %s", strings.Join(o.Words, ", "))
		}
		return text, nil
	case Switch:
		on, err := strconv.ParseBool(text)
		if err != nil {
			return "", errors.New("not true or false")
		}
		return strconv.FormatBool(on), nil
	case Mode:
		mode, err := strconv.ParseUint(text, 8, 32)
		if err != nil || mode&^0o1777 != 0 {
			return "", errors.New("not an octal mode such as 1777; only permission bits and the sticky bit")
		}
		return formatMode(uint32(mode)), nil
	case User:
		return account(text, func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
	case Group:
		return account(text, func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
	case Path:
		if text == "" || !utf8.ValidString(text) {
			return "", errors.New("not a path in UTF-8")
		}
		return filepath.Abs(text)
	case Paths:
		if text == "" {
			return "", errors.New("empty path")
		}
		return text, nil
	}
	if strings.ContainsAny(text, "\x00\n") {
		return "", errors.New("must be one line")
	}
	return text, nil
}

func number(n int64, err error) (string, error) {
	return strconv.FormatInt(n, 10), err
}

func formatMode(mode uint32) string { return fmt.Sprintf("%04o", mode) }

// account is the number of a user or group.
func account(text string, lookup func(string) (string, error)) (string, error) {
	if _, err := strconv.ParseUint(text, 10, 32); err != nil {
		if text, err = lookup(text); err != nil {
			return "", errors.New("no such user or group")
		}
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == math.MaxUint32 { // (uid_t)-1 is nobody at all
		return "", errors.New("not an id")
	}
	return strconv.FormatUint(id, 10), nil
}

// Show is the value for people: the text but for a size, which has a unit.
func (o *Option) Show(text string) string {
	if o.Kind == Size {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return ShowSize(n)
		}
	}
	return text
}

// Store puts a text of Parse where p points: at an int64, a time.Duration, a string, a bool or a *uint32, as
// the kind has it.
func (o *Option) Store(p any, text string) error {
	var err error
	switch p := p.(type) {
	case *int64:
		*p, err = strconv.ParseInt(text, 10, 64)
	case *time.Duration:
		*p, err = time.ParseDuration(text)
	case *string:
		*p = text
	case *bool:
		*p, err = strconv.ParseBool(text)
	case **uint32:
		base := 10
		if o.Kind == Mode {
			base = 8
		}
		n, nerr := strconv.ParseUint(text, base, 32)
		value := uint32(n)
		*p, err = &value, nerr
	default:
		panic(fmt.Sprintf("option %s cannot be stored in a %T", o.Name, p))
	}
	return err
}

// Text is the inverse of Store. A pointer that is nil has none.
func (o *Option) Text(p any) (text string, ok bool) {
	switch p := p.(type) {
	case *int64:
		return strconv.FormatInt(*p, 10), true
	case *time.Duration:
		return p.String(), true
	case *string:
		return *p, true
	case *bool:
		return strconv.FormatBool(*p), true
	case **uint32:
		if *p == nil {
			return "", false
		}
		if o.Kind == Mode {
			return formatMode(**p), true
		}
		return strconv.FormatUint(uint64(**p), 10), true
	}
	panic(fmt.Sprintf("option %s is in a %T", o.Name, p))
}

// Check says what is wrong with the value where p points, if anything is. An empty text is the default.
func (o *Option) Check(p any) error {
	text, ok := o.Text(p)
	switch {
	case !ok || text == "":
		return nil
	case o.Kind == Path && !filepath.IsAbs(text):
		return fmt.Errorf("%s %q: must be absolute", o.Name, text)
	case strings.HasPrefix(text, "-") && (o.Kind == Size || o.Kind == Count || o.Kind == Duration):
		return fmt.Errorf("%s %s: must not be negative", o.Name, text)
	case o.Kind == Size: // the text of a size is no longer ambiguous, but 0 and less than a unit are
		return nil
	}
	if _, err := o.Parse(text); err != nil {
		return fmt.Errorf("%s %q: %w", o.Name, text, err)
	}
	return nil
}
