package main

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show a page of the manual, or the help of a command",
		UsageText: "vanishfs help [--roff] [COMMAND|PAGE]",
		Description: `Without an operand it is what "vanishfs --help" prints, with a list of the pages.
On a terminal a page is shown by $MANPAGER, else $PAGER, else less(1).

   $ vanishfs help mount               flags and examples, as vanishfs mount --help
   $ vanishfs help security            the page vanishfs-security(7)
   $ vanishfs help --roff vanishfs.5 > /usr/local/share/man/man5/vanishfs.5`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "roff", Usage: "print the page as man(1) reads it", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 && !c.Bool("roff") {
				_, err := io.WriteString(c.App.Writer, programHelp())
				return err
			}
			topic, err := oneOperand(c, "PAGE")
			if err != nil {
				return err
			}
			cmd, page := commandNamed(topic), pageNamed(topic)
			switch {
			case cmd != nil && !c.Bool("roff"):
				_, err = io.WriteString(c.App.Writer, helpText(cmd))
			case page == "" && c.Bool("roff"):
				err = usagef("help: no page %s; see vanishfs --help", topic)
			case page == "":
				err = usagef("help: no command or page %s; see vanishfs --help", topic)
			case c.Bool("roff"):
				err = printRoff(c.App.Writer, page)
			default:
				err = showPage(c.App.Writer, page)
			}
			return err
		},
	}
}

func printRoff(out io.Writer, page string) error {
	text, err := pageRoff(page)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// showPage prints a page, on a terminal by a pager and with bold headings.
func showPage(out io.Writer, page string) error {
	source, err := pageSource(page)
	if err != nil {
		return fmt.Errorf("help %s: %w", page, err)
	}
	if f, ok := out.(*os.File); ok && isTerminal(f) {
		return pageOn(f, pageText(source, bold))
	}
	_, err = io.WriteString(out, pageText(source, func(s string) string { return s }))
	return err
}

func bold(s string) string { return "\x1b[1m" + s + "\x1b[0m" }
