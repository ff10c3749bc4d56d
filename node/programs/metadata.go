package programs

import (
	"bytes"
	"strings"

	"holdfast/resp"
)

// ErrName refuses the name of a library, or of a function.
const ErrName = resp.Error("ERR Library names can only contain letters, numbers, or underscores(_) and must be " +
	"at least one character long")

// Metadata reads the first line of a library, and answers the code behind it.
func Metadata(code string) (name, rest string, err error) {
	if !strings.HasPrefix(code, "#!") {
		return "", "", resp.Error("ERR Missing library metadata")
	}
	words, rest, ok := FirstLine(code)
	if !ok || len(words) == 0 {
		return "", "", resp.Error("ERR Invalid library metadata")
	}
	named := false
	for _, word := range words[1:] {
		if len(word) < 5 || !bytes.EqualFold(word[:5], []byte("name=")) {
			return "", "", resp.Error("ERR Invalid metadata value given: " + resp.Text(word))
		}
		if named {
			return "", "", resp.Error("ERR Invalid metadata value, name argument was given multiple times")
		}
		name, named = string(word[5:]), true
	}
	switch engine := string(words[0][2:]); {
	case !named:
		err = resp.Error("ERR Library name was not given")
	case !SoundName(name):
		err = ErrName
	case !strings.EqualFold(engine, "lua"):
		err = resp.Error("ERR Engine '" + engine + "' not found")
	}
	return name, rest, err
}

// SoundName says whether libraries and functions may have a name.
func SoundName(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return name != ""
}

// LibraryName is the name of a library, by its code.
func LibraryName(code string) (string, error) {
	name, _, err := Metadata(code)
	return name, err
}

// FirstLine cuts the first line of a program, which begins with "#!", into words; ok is false when it does not end.
// There are none when quotes do not match.
func FirstLine(body string) (words [][]byte, rest string, ok bool) {
	end := strings.IndexAny(body, "\n\x00")
	if end < 0 || body[end] == 0 {
		return nil, "", false
	}
	if words, ok = resp.SplitWords([]byte(body[:end])); !ok {
		words = nil
	}
	return words, body[end:], true
}
