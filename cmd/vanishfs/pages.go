package main

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// The manual is written in Markdown, so that it can be read on the web as it
// is, and is part of the binary: man/NAME.SECTION.md is the page NAME(SECTION).
// What is in it between "<!-- generated: ... -->" and "<!-- end -->" comes from
// the commands and options themselves; see generated_test.go.
//
//go:embed man/*.md
var manual embed.FS

// pageNames are the pages in the order in which one reads them, as NAME.SECTION.
var pageNames = []string{"vanishfs.1", "vanishfs.5", "vanishfs-security.7", "vanishfs-performance.7", "mount.fuse.vanishfs.8"}

// cutSection splits NAME.SECTION.
func cutSection(page string) (name, section string) {
	i := strings.LastIndexByte(page, '.')
	return page[:i], page[i+1:]
}

// pageNamed finds a page by NAME.SECTION, by NAME, or by what follows
// "vanishfs-" in it; "" if there is none.
func pageNamed(topic string) string {
	for _, page := range pageNames {
		name, _ := cutSection(page)
		if topic == page || topic == name || topic == strings.TrimPrefix(name, programName+"-") {
			return page
		}
	}
	return ""
}

// Compiled when they are used, which is seldom: this program starts itself several times over.
var (
	comment  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^<!--.*-->\n+`) })
	pageLink = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[([^\]]*)\]\([^)]*\.md\)`) })
)

// pageSource is a page's Markdown as a manual's reader needs it: without
// comments, and with other pages' names in place of links to their files.
func pageSource(page string) (string, error) {
	text, err := fs.ReadFile(manual, "man/"+page+".md")
	if err != nil {
		return "", err
	}
	source := comment().ReplaceAllString(string(text), "")
	return pageLink().ReplaceAllString(source, "**$1**"), nil
}

// cutTitle takes the first line off, which is "# NAME(SECTION)".
func cutTitle(source string) (title, body string) {
	title, body, _ = strings.Cut(source, "\n")
	return strings.TrimPrefix(title, "# "), body
}

// pageRoff is a page for man(1).
func pageRoff(page string) ([]byte, error) {
	source, err := pageSource(page)
	if err != nil {
		return nil, err
	}
	_, body := cutTitle(source)
	name, section := cutSection(page)
	head := fmt.Sprintf(`# %s %s "" "vanishfs" "vanishfs manual"`, name, section)
	return md2man.Render([]byte(head + "\n" + body)), nil
}

// pageSummary is what the NAME section says of a page.
func pageSummary(page string) string {
	source, err := pageSource(page)
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(source, " - ")
	line, _, _ := strings.Cut(after, "\n")
	return line
}
