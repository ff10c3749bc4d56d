package programs

import (
	"container/list"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// Set is what there is of one data set. The zero Set is empty.
type Set struct {
	// Version counts the changes of libraries.
	Version int

	libraries map[string]string // code by name
	scripts   list.List         // of *Script, oldest first
	byBody    map[string]*Script
	said      int64 // bytes of all scripts that were ever kept
	size      int64 // of those that are
	code      int64 // bytes of libraries
}

// Script is a script that is kept.
type Script struct {
	Body  string
	since int64 // Set.said when it was kept last
	at    *list.Element
}

// Overhead is what a script takes beside its text.
const Overhead = 256

func (s *Script) size() int64 { return int64(len(s.Body)) + Overhead }

// Keep has a script be kept, as the newest of them, and forgets the oldest while all take more than limit bytes. The
// members of a group come to the same, as they do it in the same order.
func (s *Set) Keep(body string, limit int64) (kept *Script, forgotten []*Script) {
	kept = s.byBody[body]
	if kept != nil {
		s.scripts.MoveToBack(kept.at)
	} else {
		if s.byBody == nil {
			s.byBody = map[string]*Script{}
		}
		kept = &Script{Body: body}
		kept.at = s.scripts.PushBack(kept)
		s.byBody[body] = kept
		s.size += kept.size()
	}
	s.said += kept.size()
	kept.since = s.said
	for s.size > limit && s.scripts.Len() > 1 {
		oldest := s.scripts.Front().Value.(*Script)
		s.forget(oldest)
		forgotten = append(forgotten, oldest)
	}
	return kept, forgotten
}

func (s *Set) forget(k *Script) {
	s.scripts.Remove(k.at)
	delete(s.byBody, k.Body)
	s.size -= k.size()
}

// Fading reports whether a script is in the older half of those that are kept.
func (s *Set) Fading(k *Script, limit int64) bool { return s.said-k.since > limit/2 }

// Flush forgets all scripts.
func (s *Set) Flush() {
	s.scripts.Init()
	s.byBody, s.size = nil, 0
}

// Scripts are the texts of those that are kept, oldest first.
func (s *Set) Scripts() []string {
	all := make([]string, 0, s.scripts.Len())
	for at := s.scripts.Front(); at != nil; at = at.Next() {
		all = append(all, at.Value.(*Script).Body)
	}
	return all
}

// SetLibrary has a library be there, in place of one with its name.
func (s *Set) SetLibrary(name, code string) {
	if s.libraries == nil {
		s.libraries = map[string]string{}
	}
	s.code += int64(len(code) - len(s.libraries[name]))
	s.libraries[name] = code
	s.Version++
}

// Library is the code of a library.
func (s *Set) Library(name string) (code string, ok bool) {
	code, ok = s.libraries[name]
	return code, ok
}

// DeleteLibrary takes a library out.
func (s *Set) DeleteLibrary(name string) {
	s.code -= int64(len(s.libraries[name]))
	delete(s.libraries, name)
	s.Version++
}

// FlushLibraries takes all libraries out.
func (s *Set) FlushLibraries() {
	s.libraries, s.code = nil, 0
	s.Version++
}

// Names are the names of the libraries, in order.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.libraries)) }

// Memory is what scripts and libraries take.
func (s *Set) Memory() (scripts, libraries int64) { return s.size, s.code }

// Digest is a digest of the libraries, and one of the scripts that are kept: members with the same log have the same.
func (s *Set) Digest() (libraries, scripts string) {
	var codes []string
	for _, name := range s.Names() {
		codes = append(codes, s.libraries[name])
	}
	return digest(codes), digest(s.Scripts())
}

func digest(texts []string) string {
	sum := sha1.New()
	for _, text := range texts {
		_ = binary.Write(sum, binary.LittleEndian, uint64(len(text))) // a hash takes all that it is given
		sum.Write([]byte(text))
	}
	return hex.EncodeToString(sum.Sum(nil))
}
