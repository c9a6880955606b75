package main

import (
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// The flag package that cli builds on wants flags before operands and knows no
// clusters. People type "vanishfs mount /mnt --size 2g" and "mktemp -dq", so
// the arguments of a command are put in order first; that also finds unknown
// flags, without having to read the text of somebody else's error.

// untouched are the commands whose flags end at the first operand, because the
// rest is another program's command line.
var untouched = map[string]bool{"run": true}

// optionalValue are flags that take a value only as --flag=VALUE.
var optionalValue = map[string]bool{"tmpdir": true}

// arrange returns the arguments of cmd as "flags, --, operands", each flag as
// one string and under its first name, since cli minds "-v --verbose".
func arrange(cmd *cli.Command, args []string) ([]string, error) {
	a := arranger{cmd: cmd, known: knownFlags(cmd)}
	for rest := args; len(rest) > 0; {
		arg := rest[0]
		rest = rest[1:]
		var err error
		switch {
		case arg == "--":
			return a.finish(rest), nil
		case strings.HasPrefix(arg, "--"):
			rest, err = a.long(arg[2:], rest)
		case len(arg) > 1 && arg[0] == '-':
			rest, err = a.cluster(arg[1:], rest)
		case untouched[cmd.Name]:
			return a.finish(append([]string{arg}, rest...)), nil
		default:
			a.operands = append(a.operands, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return a.finish(nil), nil
}

type arranger struct {
	cmd      *cli.Command
	known    map[string]knownFlag // by all its names, without dashes
	flags    []string
	operands []string
}

type knownFlag struct {
	name  string // the first
	takes bool   // takes a value
}

func knownFlags(cmd *cli.Command) map[string]knownFlag {
	known := map[string]knownFlag{"help": {name: "help"}, "h": {name: "help"}}
	for _, f := range cmd.Flags {
		for _, name := range f.Names() {
			known[name] = knownFlag{f.Names()[0], f.(cli.DocGenerationFlag).TakesValue()}
		}
	}
	return known
}

func (a *arranger) add(f knownFlag, value string) {
	flag := "--" + f.name
	if f.takes {
		flag += "=" + value
	}
	a.flags = append(a.flags, flag)
}

// long reads --name, --name=value and --name value.
func (a *arranger) long(arg string, rest []string) ([]string, error) {
	name, value, hasValue := strings.Cut(arg, "=")
	f, ok := a.known[name]
	switch {
	case !ok || utf8.RuneCountInString(name) == 1:
		return nil, a.unknown("--" + name)
	case !f.takes && hasValue:
		return nil, usagef("%s: flag --%s takes no value", a.cmd.Name, name)
	case !f.takes || hasValue || optionalValue[name]:
	case len(rest) == 0:
		return nil, a.missing("--" + name)
	default:
		value, rest = rest[0], rest[1:]
	}
	a.add(f, value)
	return rest, nil
}

// cluster reads -a, -abc, -aVALUE and -a VALUE.
func (a *arranger) cluster(arg string, rest []string) ([]string, error) {
	for i, r := range arg {
		name := string(r)
		f, ok := a.known[name]
		if !ok {
			return nil, a.unknown("-" + name)
		}
		if !f.takes {
			a.add(f, "")
			continue
		}
		value := arg[i+len(name):]
		if value == "" {
			if len(rest) == 0 {
				return nil, a.missing("-" + name)
			}
			value, rest = rest[0], rest[1:]
		}
		a.add(f, value)
		break
	}
	return rest, nil
}

func (a *arranger) finish(operands []string) []string {
	return append(append(a.flags, "--"), append(a.operands, operands...)...)
}

func (a *arranger) unknown(flag string) error {
	return usagef("%s: unknown flag %s; see vanishfs %s --help", a.cmd.Name, flag, a.cmd.Name)
}

func (a *arranger) missing(flag string) error {
	return usagef("%s: flag %s needs a value; see vanishfs %s --help", a.cmd.Name, flag, a.cmd.Name)
}
