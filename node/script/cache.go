package script

import (
	"container/list"
	"crypto/sha1"
	"encoding/hex"

	"holdfast/lua"
	"holdfast/resp"
)

// Script is a script that is known by its SHA1.
type Script struct {
	SHA   string // in lower case
	Body  string
	Flags Flags

	proto  *lua.Proto // nil: it was not run yet
	loaded lua.Value  // proto as a function of the state of generation
	in     *list.List // of the cache's
	at     *list.Element
	since  int64 // Cache.kept when it was kept last
	// generation of Runner.l for which loaded is
	generation int
}

// overhead is what a script takes in the cache beside its body.
const overhead = 256

func (s *Script) size() int64 { return int64(len(s.Body)) + overhead }

type sha [2 * sha1.Size]byte

// Cache holds scripts, within a limit of bytes. Some are kept: the members of a group agree on these, as they are said
// in its log, and forget them in the order in which they were said. Others were only run here, and are forgotten when
// they were not used for long.
type Cache struct {
	bySHA  map[sha]*Script
	byBody map[string]*Script
	kept   list.List // oldest first
	local  list.List // least used first
	said   int64     // bytes of what was ever kept
	sizes  [2]int64  // of kept and local
}

// NewCache makes an empty cache.
func NewCache() *Cache {
	c := &Cache{}
	c.Flush()
	return c
}

// Flush forgets all scripts.
func (c *Cache) Flush() {
	c.bySHA, c.byBody = map[sha]*Script{}, map[string]*Script{}
	c.kept.Init()
	c.local.Init()
	c.sizes = [2]int64{}
}

// Len is how many scripts there are.
func (c *Cache) Len() int { return len(c.bySHA) }

// Memory is what they take.
func (c *Cache) Memory() int64 { return c.sizes[0] + c.sizes[1] }

// Find is the script with a SHA1, whatever the case of its letters; nil if there is none.
func (c *Cache) Find(hash []byte) *Script {
	var key sha
	if len(hash) != len(key) {
		return nil
	}
	for i, b := range hash {
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		key[i] = b
	}
	return c.bySHA[key]
}

// FindBody is the script with a text; nil if there is none.
func (c *Cache) FindBody(body []byte) *Script { return c.byBody[string(body)] }

// Parse makes a script of its text, which is not in the cache yet. The error is the reply.
func Parse(body []byte) (*Script, error) {
	s := &Script{Body: string(body)}
	if err := s.parse(); err != nil {
		return nil, err
	}
	s.SHA = hashOf(s.Body)
	return s, nil
}

func hashOf(body string) string {
	sum := sha1.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

func (s *Script) parse() error {
	flags, rest, err := readFlags(s.Body)
	if err != nil {
		return err
	}
	proto, err := lua.Compile(rest, "@user_script")
	if err != nil {
		return resp.Error("ERR Error compiling script (new function): " + err.Error())
	}
	s.Flags, s.proto = flags, proto
	return nil
}

// Add puts a script into the cache, for as long as it is used, unless it is there. Limit is how many bytes scripts may
// take.
func (c *Cache) Add(s *Script, limit int64) *Script {
	if known := c.byBody[s.Body]; known != nil {
		return known
	}
	c.byBody[s.Body], c.bySHA[sha([]byte(s.SHA))] = s, s
	c.link(s, &c.local)
	c.trim(&c.local, s, limit)
	return s
}

// Keep has a script be kept, as the newest of those that are.
func (c *Cache) Keep(s *Script, limit int64) {
	c.unlink(s)
	c.said += s.size()
	s.since = c.said
	c.link(s, &c.kept)
	c.trim(&c.kept, s, limit)
}

// KeepBody is Keep for the text of a script, which need not be a sound one.
func (c *Cache) KeepBody(body []byte, limit int64) {
	s := c.byBody[string(body)]
	if s == nil {
		s = &Script{Body: string(body)}
		s.SHA = hashOf(s.Body)
		s.Flags, _, _ = readFlags(s.Body)
		c.byBody[s.Body], c.bySHA[sha([]byte(s.SHA))] = s, s
		c.link(s, &c.local)
	}
	c.Keep(s, limit)
}

// Use notes that a script is run, and reports whether it should be kept: it is not, or will soon be forgotten.
func (c *Cache) Use(s *Script, limit int64) (keep bool) {
	if s.in == &c.kept {
		return c.said-s.since > limit/2
	}
	c.local.MoveToBack(s.at)
	return true
}

// Kept calls f with the text of each script that is kept, oldest first.
func (c *Cache) Kept(f func(body string)) {
	for at := c.kept.Front(); at != nil; at = at.Next() {
		f(at.Value.(*Script).Body)
	}
}

func (c *Cache) link(s *Script, to *list.List) {
	s.in, s.at = to, to.PushBack(s)
	c.sizes[c.which(to)] += s.size()
}

func (c *Cache) unlink(s *Script) {
	s.in.Remove(s.at)
	c.sizes[c.which(s.in)] -= s.size()
	s.in, s.at = nil, nil
}

func (c *Cache) which(l *list.List) int {
	if l == &c.kept {
		return 0
	}
	return 1
}

// trim forgets the first scripts of a list while it takes more than it may, but not that one.
func (c *Cache) trim(l *list.List, but *Script, limit int64) {
	for c.sizes[c.which(l)] > limit {
		s := l.Front().Value.(*Script)
		if s == but {
			return
		}
		c.unlink(s)
		delete(c.byBody, s.Body)
		delete(c.bySHA, sha([]byte(s.SHA)))
	}
}
