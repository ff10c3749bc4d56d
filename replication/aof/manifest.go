package aof

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc64"
	"strconv"
	"strings"
)

// Identity is what the log is called: its replication id, the ids it had before and up to which offset, the newest
// epoch in which it was written, and which start of the node wrote it.
type Identity struct {
	ID          string
	Former      []Former
	Epoch       uint64
	Incarnation string
}

// Former is an id under which the log was written until an offset.
type Former struct {
	ID    string
	Until int64
}

// kind is what a file is, in the manifest's letters.
type kind byte

const (
	kindBase    kind = 'b'
	kindIncr    kind = 'i'
	kindHistory kind = 'h' // part of the log before the base, kept for followers that were away
)

// entry is a file that the manifest names.
type entry struct {
	name   string
	seq    int64
	kind   kind
	start  int64 // the log's offset of its first byte behind the header; of a base, where it was fixed
	header int64 // bytes before that
	placed bool  // the manifest says start and header
	size   int64 // of an incremental file that is complete: its bytes and their checksum
	sum    uint32
	closed bool // the manifest says size and sum
}

// manifest is the list of files, and the log's identity unless Redis wrote the list.
type manifest struct {
	files    []entry
	identity *Identity
	left     *Left // nil: the log is kept
}

const (
	maxLine  = 1000 // Redis reads lines of 1024 bytes
	comment  = "# holdfast "
	sumWords = comment + "sum "
)

var table = crc64.MakeTable(crc64.ECMA)

// ManifestError is a manifest that can't be read.
type ManifestError struct {
	Line   int // 0: the whole file
	Reason string
}

func (e *ManifestError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// format writes the manifest as Redis does, with the identity in comments.
func (m *manifest) format() []byte {
	var b bytes.Buffer
	for _, f := range m.files {
		name := f.name
		if strings.ContainsFunc(name, needsQuotes) {
			name = strconv.QuoteToASCII(name)
		}
		fmt.Fprintf(&b, "file %s seq %d type %c", name, f.seq, f.kind)
		if f.placed {
			fmt.Fprintf(&b, " startoffset %d header %d", f.start, f.header)
		}
		if f.closed {
			fmt.Fprintf(&b, " size %d crc32c %d", f.size, f.sum)
		}
		b.WriteByte('\n')
	}
	if m.left != nil {
		b.WriteString(m.left.format())
	}
	if id := m.identity; id != nil {
		fmt.Fprintf(&b, comment+"id %s epoch %d incarnation %s\n", id.ID, id.Epoch, id.Incarnation)
		for _, f := range id.Former {
			fmt.Fprintf(&b, comment+"former %s %d\n", f.ID, f.Until)
		}
		fmt.Fprintf(&b, sumWords+"%016x\n", crc64.Checksum(b.Bytes(), table))
	}
	return b.Bytes()
}

func needsQuotes(r rune) bool {
	return r <= ' ' || r >= 0x7f || r == '"' || r == '\'' || r == '\\'
}

// parseManifest reads what format, or Redis, wrote.
func parseManifest(text []byte) (*manifest, error) {
	p := manifestParser{m: &manifest{}}
	for at := 0; at < len(text); {
		p.line++
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 || end > maxLine {
			return nil, p.wrong("the line has no end, or is too long")
		}
		line := strings.TrimSpace(string(text[at : at+end]))
		var err error
		switch {
		case strings.HasPrefix(line, sumWords):
			err = p.sum(line, text[:at])
		case strings.HasPrefix(line, comment):
			err = p.comment(line)
		case strings.HasPrefix(line, "#"):
		default:
			err = p.file(line)
		}
		if err != nil {
			return nil, err
		}
		at += end + 1
	}
	if len(p.m.files) == 0 {
		return nil, &ManifestError{Reason: "it names no file"}
	}
	if p.identity != nil && !p.summed {
		return nil, &ManifestError{Reason: "the checksum is missing"}
	}
	p.m.identity = p.identity
	return p.m, nil
}

type manifestParser struct {
	m        *manifest
	line     int
	maxSeq   int64
	identity *Identity
	summed   bool
}

func (p *manifestParser) wrong(format string, args ...any) error {
	return &ManifestError{Line: p.line, Reason: fmt.Sprintf(format, args...)}
}

func (p *manifestParser) sum(line string, before []byte) error {
	want := fmt.Sprintf("%016x", crc64.Checksum(before, table))
	if got := strings.TrimPrefix(line, sumWords); got != want {
		return p.wrong("the checksum is %s, of what stands here it would be %s", got, want)
	}
	p.summed = true
	return nil
}

func (p *manifestParser) comment(line string) error {
	words := strings.Fields(strings.TrimPrefix(line, comment))
	if p.summed {
		return p.wrong("something follows the checksum")
	}
	var err error
	switch {
	case len(words) == 6 && words[0] == "id" && words[2] == "epoch" && words[4] == "incarnation":
		p.identity = &Identity{ID: words[1], Incarnation: words[5]}
		p.identity.Epoch, err = strconv.ParseUint(words[3], 10, 64)
	case len(words) == 4 && words[0] == "left":
		p.m.left, err = parseLeft(words)
	case len(words) == 3 && words[0] == "former" && p.identity != nil:
		f := Former{ID: words[1]}
		f.Until, err = strconv.ParseInt(words[2], 10, 64)
		p.identity.Former = append(p.identity.Former, f)
	default:
		err = errors.New("unknown words")
	}
	if err != nil {
		return p.wrong("%q: %v", line, err)
	}
	return nil
}

// file reads the words of one file, in pairs; unknown ones are skipped, as Redis does.
func (p *manifestParser) file(line string) error {
	words, err := splitWords(line)
	if err != nil || len(words) < 6 || len(words)%2 != 0 {
		return p.wrong("it is no list of pairs that name a file, its number and type")
	}
	f := entry{}
	number := func(text string) (n int64) {
		n, e := strconv.ParseInt(text, 10, 64)
		if e != nil || n < 0 {
			err = fmt.Errorf("%q is no number", text)
		}
		return n
	}
	for i := 0; i < len(words); i += 2 {
		switch value := words[i+1]; strings.ToLower(words[i]) {
		case "file":
			f.name = value
		case "seq":
			f.seq = number(value)
		case "type":
			f.kind = kind((value + "?")[0])
		case "startoffset":
			f.start, f.placed = number(value), true
		case "header":
			f.header = number(value)
		case "size":
			f.size, f.closed = number(value), true
		case "crc32c":
			f.sum = uint32(number(value))
		}
	}
	switch {
	case err != nil:
		return p.wrong("%v", err)
	case f.name == "" || strings.Contains(f.name, "/") || f.name == "." || f.name == "..":
		return p.wrong("%q is no name of a file in the same directory", f.name)
	case f.seq == 0:
		return p.wrong("the file has no number")
	case f.kind == kindBase && p.m.base() != nil:
		return p.wrong("a second base file")
	case f.kind == kindIncr && f.seq <= p.maxSeq:
		return p.wrong("the numbers of incremental files do not rise")
	case f.kind != kindBase && f.kind != kindIncr && f.kind != kindHistory:
		return p.wrong("unknown type of file %q", f.kind)
	}
	if f.kind == kindIncr {
		p.maxSeq = f.seq
	}
	p.m.files = append(p.m.files, f)
	return nil
}

// splitWords cuts a line at blanks; a word may be quoted.
func splitWords(line string) (words []string, err error) {
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		word := line
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, err
			}
			line = line[len(quoted):]
			if word, err = strconv.Unquote(quoted); err != nil {
				return nil, err
			}
		} else {
			if i := strings.IndexAny(line, " \t"); i >= 0 {
				word = line[:i]
			}
			line = line[len(word):]
		}
		words = append(words, word)
	}
	return words, nil
}

// base is the base file, nil if there is none.
func (m *manifest) base() *entry {
	for i := range m.files {
		if m.files[i].kind == kindBase {
			return &m.files[i]
		}
	}
	return nil
}

// of lists the files of a kind, in the order of the log.
func (m *manifest) of(k kind) (list []entry) {
	for _, f := range m.files {
		if f.kind == k {
			list = append(list, f)
		}
	}
	return list
}

// clone copies the manifest, for a change that is not yet on disk.
func (m *manifest) clone() *manifest {
	c := &manifest{files: append([]entry(nil), m.files...), left: m.left}
	if m.identity != nil {
		id := *m.identity
		id.Former = append([]Former(nil), m.identity.Former...)
		c.identity = &id
	}
	return c
}
