package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/option"
)

// The parts of the manual that are the commands' and options' own words.

var update = flag.Bool("update", false, "write the generated parts of man/*.md anew")

var generatedPart = regexp.MustCompile(`(?s)(<!-- generated: ([a-z -]+) -->\n)(.*?)(<!-- end -->)`)

// generators make the parts by their names in "<!-- generated: NAME -->".
func generators() map[string]func() string {
	parts := map[string]func() string{
		"options":            optionEntries,
		"ignored options":    func() string { return wordList(option.Ignored()) },
		"shown options":      func() string { return wordList(option.OnlyRemount()) },
		"exit codes":         func() string { return exitEntries(exitMeanings) },
		"run exit codes":     func() string { return exitEntries(runExitMeanings) },
		"helper exit codes":  func() string { return exitEntries(helperExitMeanings) },
		"other option names": aliasEntries,
	}
	for _, cmd := range allCommands() {
		parts["command "+cmd.Name] = func() string { return commandSection(cmd) }
	}
	return parts
}

// TestGeneratedParts: what the manual says of commands, options and exit codes is what the code has, all of it.
func TestGeneratedParts(t *testing.T) {
	unused := generators()
	for _, page := range pageNames {
		path := filepath.Join("man", page+".md")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		made := generatedPart.ReplaceAllFunc(text, func(part []byte) []byte {
			match := generatedPart.FindSubmatch(part)
			generate := generators()[string(match[2])]
			if generate == nil {
				t.Fatalf("%s: nothing generates %q", path, match[2])
			}
			delete(unused, string(match[2]))
			return slices.Concat(match[1], []byte("\n"+strings.TrimSpace(generate())+"\n\n"), match[4])
		})
		switch {
		case bytes.Equal(made, text):
		case *update:
			if err := os.WriteFile(path, made, 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s is not what the commands say now; run go test ./cmd/vanishfs -run TestGeneratedParts -update", path)
		}
	}
	for name := range unused {
		t.Errorf("no page has a part %q", name)
	}
}

// commandSection is a command's own help: how it is called, what it does, its
// examples, and the flags that are not options of a filesystem.
func commandSection(cmd *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", cmd.UsageText)
	for _, block := range strings.Split(cmd.Description, "\n\n") {
		b.WriteString(markdownBlock(block) + "\n\n")
	}
	for _, f := range cmd.Flags {
		if !isSharedOption(f.Names()[0]) || cmd.Name == "set" {
			b.WriteString(flagEntry(f.(cli.DocGenerationFlag)))
		}
	}
	return b.String()
}

func isSharedOption(name string) bool { return option.Find(name) != nil }

// markdownBlock indents examples, whose lines start with three blanks, by one more.
func markdownBlock(block string) string {
	if !strings.HasPrefix(block, "   ") {
		return block
	}
	return " " + strings.ReplaceAll(block, "\n", "\n ")
}

// flagEntry is one entry of a definition list.
func flagEntry(f cli.DocGenerationFlag) string {
	placeholder, usage := splitUsage(f.GetUsage())
	var names []string
	for _, name := range f.(cli.Flag).Names() {
		dashes := "--"
		if len(name) == 1 {
			dashes = "-"
		}
		names = append(names, "**"+dashes+name+"**")
	}
	return entry(strings.Join(names, ", "), placeholder, usage, f.GetDefaultText(), f.TakesValue())
}

func entry(names, placeholder, usage, def string, takes bool) string {
	if placeholder != "" {
		names += " *" + placeholder + "*"
	}
	if def != "" && takes {
		usage += " (default " + def + ")"
	}
	return names + "\n: " + strings.Join(wrap(usage, helpWidth-2), "\n  ") + "\n\n"
}

// optionEntries are the options of run, mount and -o, under their sections.
func optionEntries() string {
	var b strings.Builder
	var section option.Section
	for _, o := range option.All() {
		if o.Section != section {
			section = o.Section
			fmt.Fprintf(&b, "### %s\n\n", section)
		}
		b.WriteString(optionEntry(o))
	}
	return b.String()
}

// optionEntry is an entry of a definition list: what --help says, who takes the option, and whether it can change.
func optionEntry(o *option.Option) string {
	name := "**--" + o.Name + "**"
	if o.Short != "" {
		name = "**-" + o.Short + "**, " + name
	}
	if o.For == option.MountOption {
		name = "**-o " + o.Name + "**"
	}
	usage, remarks := o.Help, []string{}
	if o.For == option.Run || o.For == option.Mount {
		remarks = append(remarks, "only a flag of "+map[option.Front]string{option.Run: "run", option.Mount: "mount"}[o.For])
	} else if !o.Accepts(option.Run) && o.Accepts(option.Mount) {
		remarks = append(remarks, "not for run")
	}
	if o.Change == option.Live {
		remarks = append(remarks, "can change while mounted")
	}
	if len(remarks) > 0 {
		usage += "; " + strings.Join(remarks, "; ")
	}
	def := o.DefaultText
	if def == "" {
		def = o.Default
	}
	return entry(name, o.Placeholder, usage, def, !o.IsSwitch())
}

// aliasEntries are the other names that mount options have.
func aliasEntries() string {
	var b strings.Builder
	for _, o := range option.All() {
		for _, a := range o.Aliases {
			meaning := "`" + o.MountName() + "`"
			switch {
			case a.Blocks:
				meaning += ", in pages"
			case a.Value == "false":
				meaning = "not " + meaning
			}
			fmt.Fprintf(&b, "**%s**\n: %s (%s)\n\n", a.Name, meaning, a.From)
		}
	}
	return b.String()
}

func exitEntries(list []exitMeaning) string {
	var b strings.Builder
	for _, m := range list {
		fmt.Fprintf(&b, "**%d**\n: %s\n\n", m.code, m.meaning)
	}
	return b.String()
}

func wordList(words []string) string {
	return strings.Join(wrap(strings.Join(words, ", ")+".", helpWidth), "\n") + "\n"
}
