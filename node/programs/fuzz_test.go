package programs

import (
	"strings"
	"testing"
)

// FuzzMetadata: what is taken for a library has a sound name, and its code is the text behind the first line, so that
// the numbers of lines stay what they were.
func FuzzMetadata(f *testing.F) {
	for _, text := range []string{"", "#!", "#!lua", "#!lua name=a", "#!lua name=a\nreturn 1", "#!LUA NAME=\"b\"\n\n",
		"#!js name=a\n", "#!lua name=a name=b\n", "#!lua name='a\n", "#!lua name=a\x00\n", "return 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, rest, err := Metadata(text)
		if err != nil {
			return
		}
		if !SoundName(name) {
			t.Errorf("a library is called %q", name)
		}
		if !strings.HasSuffix(text, rest) || !strings.HasPrefix(rest, "\n") ||
			strings.Contains(strings.TrimSuffix(text, rest), "\n") {
			t.Errorf("the code of %q is %q", text, rest)
		}
		if again, err := LibraryName(text); again != name || err != nil {
			t.Errorf("the library %q is called %q as well: %v", name, again, err)
		}
	})
}
