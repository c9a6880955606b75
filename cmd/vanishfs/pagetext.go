package main

import (
	"strings"
)

// The manual on a terminal. Of Markdown it uses headings of three levels,
// paragraphs, "- " lists, definition lists ("term" and below it ": text"),
// blocks indented by four spaces, **bold**, *emphasis* and `code`.

const pageIndent = 4 // columns of text below a heading

// pageText lays a page's Markdown out in lines of at most helpWidth columns;
// heading dresses the headings.
func pageText(source string, heading func(string) string) string {
	title, body := cutTitle(source)
	w := pageWriter{heading: heading}
	w.b.WriteString(heading(title) + "\n")
	for _, block := range strings.Split(body, "\n\n") {
		w.block(strings.Trim(block, "\n"))
	}
	return w.b.String()
}

type pageWriter struct {
	b       strings.Builder
	heading func(string) string
}

func (w *pageWriter) block(text string) {
	switch {
	case text == "":
		return
	case strings.HasPrefix(text, "#"):
		level, title, _ := strings.Cut(text, " ")
		w.b.WriteString("\n" + strings.Repeat("  ", len(level)-2) + w.heading(plain(title)) + "\n")
		return
	case strings.HasPrefix(text, "    "):
		w.b.WriteString("\n")
		for line := range strings.Lines(text + "\n") {
			w.b.WriteString("  " + line)
		}
		return
	}
	w.b.WriteString("\n")
	for _, item := range items(text) {
		switch {
		case strings.HasPrefix(item, "- "):
			w.wrapped(item[2:], "- ", "  ")
		case strings.HasPrefix(item, ": "):
			w.wrapped(item[2:], "    ", "    ")
		default:
			w.wrapped(item, "", "")
		}
	}
}

// items splits a block where a "- " or ": " item starts and where a term
// stands before its ": " line.
func items(block string) []string {
	lines := strings.Split(block, "\n")
	list := []string{lines[0]}
	for i, line := range lines[1:] {
		isTerm := i+2 < len(lines) && strings.HasPrefix(lines[i+2], ": ") && !strings.HasPrefix(line, " ")
		if isTerm || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, ": ") {
			list = append(list, line)
			continue
		}
		list[len(list)-1] += " " + strings.TrimSpace(line)
	}
	return list
}

// wrapped prints text with first before its first line and rest before the others.
func (w *pageWriter) wrapped(text, first, rest string) {
	margin := strings.Repeat(" ", pageIndent)
	for _, line := range wrap(plain(text), helpWidth-pageIndent-len(first)) {
		w.b.WriteString(margin + first + line + "\n")
		first = rest
	}
}

// plain takes the marks of bold, emphasis and code away.
func plain(text string) string {
	return strings.NewReplacer("*", "", "`", "").Replace(text)
}
