package resp

import "encoding/binary"

// shortNames finds the commands that are called most, whatever the case of their letters, without hashing text or
// copying it: a name of up to eight letters is one machine word. Linear probing; at most half of the places are taken.
type shortNames[S any] [1 << shortBits]shortName[S]

type shortName[S any] struct {
	word    uint64
	command *Command[S]
}

const shortBits = 9

// shortWord folds a name into a word; names of one length differ in it. Only letters become lower case letters by
// setting that one bit, so a name of letters is met by nothing but its own spellings.
func shortWord(name []byte) (word uint64, ok bool) {
	n := len(name)
	switch {
	case n == 0 || n > 8:
		return 0, false
	case n >= 4:
		word = uint64(binary.LittleEndian.Uint32(name)) | uint64(binary.LittleEndian.Uint32(name[n-4:]))<<32
	default:
		word = uint64(name[0]) | uint64(name[n/2])<<8 | uint64(name[n-1])<<16
	}
	return word | 0x2020202020202020, true
}

// start is where the search for a word begins.
func (t *shortNames[S]) start(word uint64) uint64 {
	return word * 0x9E3779B97F4A7C15 >> (64 - shortBits)
}

// add enters a command, if it has a short name and there is room.
func (t *shortNames[S]) add(c *Command[S], count int) {
	word, ok := shortWord([]byte(c.Name))
	if !ok || count >= len(t)/2 {
		return
	}
	for i := range len(c.Name) {
		if c.Name[i] < 'a' || c.Name[i] > 'z' {
			return
		}
	}
	i := t.start(word)
	for t[i].command != nil {
		i = (i + 1) % uint64(len(t))
	}
	t[i] = shortName[S]{word, c}
}

// find finds a command by its name, nil when it isn't among these.
func (t *shortNames[S]) find(name []byte) *Command[S] {
	word, ok := shortWord(name)
	if !ok {
		return nil
	}
	for i := t.start(word); t[i].command != nil; i = (i + 1) % uint64(len(t)) {
		if t[i].word == word && len(t[i].command.Name) == len(name) {
			return t[i].command
		}
	}
	return nil
}
