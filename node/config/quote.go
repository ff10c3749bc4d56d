package config

import (
	"errors"
	"fmt"
	"strings"
)

var errQuotes = errors.New("Unbalanced quotes in configuration line")

func isBlank(b byte) bool {
	return b == ' ' || b >= '\t' && b <= '\r'
}

// splitArgs cuts a line into words. "…" knows \n \r \t \b \a \xHH and \ before
// any other byte, '…' knows \' only; a closing quote must end the word.
func splitArgs(line string) ([]string, error) {
	var args []string
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return args, nil
		}
		word, next, err := cutWord(line, i)
		if err != nil {
			return nil, err
		}
		args = append(args, word)
		i = next
	}
}

// cutWord reads the word that begins at line[i] and returns where it ends.
func cutWord(line string, i int) (word string, end int, err error) {
	var b strings.Builder
	for i < len(line) {
		switch c := line[i]; c {
		case ' ', '\n', '\r', '\t':
			return b.String(), i, nil
		case '"', '\'':
			if i, err = cutQuoted(&b, line, i+1, c); err != nil {
				return "", 0, err
			}
			return b.String(), i, nil
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), i, nil
}

func cutQuoted(b *strings.Builder, line string, i int, quote byte) (end int, err error) {
	for i < len(line) {
		c := line[i]
		switch {
		case c == quote:
			if i+1 < len(line) && !isBlank(line[i+1]) {
				return 0, errQuotes
			}
			return i + 1, nil
		case c == '\\' && i+1 < len(line) && quote == '"':
			i += unescape(b, line[i+1:]) + 1
		case c == '\\' && i+1 < len(line) && line[i+1] == '\'':
			b.WriteByte('\'')
			i += 2
		default:
			b.WriteByte(c)
			i++
		}
	}
	return 0, errQuotes
}

// unescape writes what the text after a backslash means, and returns its length.
func unescape(b *strings.Builder, s string) int {
	if s[0] == 'x' && len(s) >= 3 {
		hi, ok1 := hexDigit(s[1])
		lo, ok2 := hexDigit(s[2])
		if ok1 && ok2 {
			b.WriteByte(hi<<4 | lo)
			return 3
		}
	}
	c := s[0]
	if i := strings.IndexByte("nrtba", c); i >= 0 {
		c = "\n\r\t\b\a"[i]
	}
	b.WriteByte(c)
	return 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// Quote writes a word so that it is read again as one in a file, and in SetText.
func Quote(s string) string { return quote(s) }

// quote writes a word so that splitArgs reads it again, in quotes if needed.
func quote(s string) string {
	plain := s != "" && s[0] != '#'
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] > ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\'' && s[i] != '\\'
	}
	if plain {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
