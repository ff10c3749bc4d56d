package doccheck

import (
	"regexp"
	"strings"
)

// block is a piece of a document: a paragraph, with the item of a list or table that it may be, or code.
type block struct {
	code  bool
	lines []string
	first int // number of its first line, from 1
}

func (b block) text() string { return strings.Join(b.lines, "\n") }

var listItem = regexp.MustCompile(`^ {0,6}([-*+]|\d+[.)]) `)

// blocks cuts a document. Indented lines are code unless they go on with the item of a list.
func blocks(text string) (all []block) {
	var open *block
	end := func() {
		if open != nil {
			all = append(all, *open)
			open = nil
		}
	}
	fenced, inList := false, false
	for i, line := range strings.Split(text, "\n") {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		indented := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
		blank := strings.TrimSpace(line) == ""
		item := listItem.MatchString(line)
		switch {
		case fence:
			end()
			fenced = !fenced
			continue
		case blank && !fenced:
			end()
			continue
		}
		if !fenced && !indented {
			inList = item || inList && strings.HasPrefix(line, " ")
		}
		code := fenced || indented && !(inList && open != nil && !open.code)
		own := !code && (item || line[0] == '#' || line[0] == '|' || open != nil && isSingle(open.lines[0]))
		if open != nil && (open.code != code || own) {
			end()
		}
		if open == nil {
			open = &block{code: code, first: i + 1}
		}
		open.lines = append(open.lines, line)
	}
	end()
	return all
}

// isSingle says that a line is a block by itself: a heading, or a row of a table.
func isSingle(line string) bool { return line[0] == '#' || line[0] == '|' }

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// spans are what a paragraph has as code in it.
func spans(text string) (all []string) {
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.Join(strings.Fields(m[1]), " "))
	}
	return all
}

var notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// slug is how a heading is linked to, as GitHub makes it.
func slug(heading string) string {
	s := strings.ToLower(strings.TrimSpace(strings.TrimLeft(heading, "#")))
	return strings.ReplaceAll(notInSlug.ReplaceAllString(s, ""), " ", "-")
}

// anchors are the slugs of a document's headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, b := range blocks(text) {
		if !b.code && b.lines[0][0] == '#' {
			all[slug(b.lines[0])] = true
		}
	}
	return all
}
