package doccheck

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is how wide a line of prose may be.
const columns = 120

var wrapAll = flag.Bool("wrap", false, "wrap the lines of the documents that are too long")

// mayBeLong are the lines that can't be wrapped: rows of tables, headings, code, and one word.
func mayBeLong(b block) bool {
	return b.code || isSingle(b.lines[0]) || !strings.Contains(strings.TrimSpace(b.text()), " ")
}

func TestLinesFit(t *testing.T) {
	all := newTree(t)
	for _, name := range all.documents() {
		text := all.files[name]
		wrapped := wrap(text)
		if wrapped == text {
			continue
		}
		if !slices.Equal(strings.Fields(wrapped), strings.Fields(text)) {
			t.Fatalf("%s: wrapping changes its words", name)
		}
		if !*wrapAll {
			t.Errorf("%s has lines of more than %d columns: go test ./internal/doccheck -wrap", name, columns)
			continue
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(wrapped), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// wrap wraps the paragraphs that have a line which is too long, and leaves all others.
func wrap(text string) string {
	lines := strings.Split(text, "\n")
	for _, b := range slices.Backward(blocks(text)) {
		long := slices.ContainsFunc(b.lines, func(l string) bool { return utf8.RuneCountInString(l) > columns })
		if long && !mayBeLong(b) {
			lines = slices.Replace(lines, b.first-1, b.first-1+len(b.lines), wrapParagraph(b.lines)...)
		}
	}
	return strings.Join(lines, "\n")
}

var (
	lead = regexp.MustCompile(`^ *(?:(?:[-*+]|\d+[.)]) +)?`)
	// begins is what would be something else at the beginning of a line.
	begins = regexp.MustCompile(`^([-+*>|]|#+|\d+[.)]|=+|-+)$`)
)

func wrapParagraph(lines []string) (out []string) {
	first := lead.FindString(lines[0])
	rest := strings.Repeat(" ", len(first))
	line, width := first, len(first)
	empty := true
	words := strings.Fields(strings.Join(lines, "\n")[len(first):])
	for i := 0; i < len(words); i++ {
		word := words[i]
		// code stays together
		for i+1 < len(words) && (begins.MatchString(words[i+1]) || strings.Count(word, "`")%2 == 1) {
			i++
			word += " " + words[i]
		}
		n := utf8.RuneCountInString(word)
		if !empty && width+1+n > columns {
			out = append(out, line)
			line, width, empty = rest, len(rest), true
		}
		if !empty {
			line, width = line+" ", width+1
		}
		line, width, empty = line+word, width+n, false
	}
	return append(out, line)
}

func TestWrap(t *testing.T) {
	word := strings.Repeat("x", 40)
	four := strings.Join([]string{word, word, word, word}, " ")
	two := word + " " + word
	for _, c := range [][2]string{
		{"short\nlines stay", "short\nlines stay"},
		{four, two + "\n" + two},
		{"a\n" + four + "\nb", "a " + two + "\n" + two + " b"},
		{"- " + four + "\n- b", "- " + two + "\n  " + two + "\n- b"},
		{"12. " + four, "12. " + two + "\n    " + two},
		{two + " yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy 1. " + word,
			two + "\nyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy 1. " + word},
		{word + " `" + two + "` b", word + "\n`" + two + "` b"},
		{"| " + four + " |\n|---|", "| " + four + " |\n|---|"},
		{"# " + four, "# " + four},
		{"text\n\n    " + four, "text\n\n    " + four},
		{"```\n" + four + "\n```\n" + four, "```\n" + four + "\n```\n" + two + "\n" + two},
		{strings.Repeat("ü", 120), strings.Repeat("ü", 120)},
	} {
		if got := wrap(c[0]); got != c[1] {
			t.Errorf("%q\nbecame %q\nwanted %q", c[0], got, c[1])
		}
	}
}
