package script

import (
	"container/list"
	"crypto/sha1"
	"encoding/hex"
	"math"

	"holdfast/lua"
	"holdfast/node/programs"
	"holdfast/resp"
)

// Script is a script that is known by its SHA1.
type Script struct {
	SHA   string // in lower case
	Body  string
	Flags Flags

	proto  *lua.Proto // nil: it was not run yet
	loaded lua.Value  // proto as a function of the state of generation
	kept   *programs.Script
	local  *list.Element // nil: it is kept
	// generation of Runner.l for which loaded is
	generation int
}

func (s *Script) size() int64 { return int64(len(s.Body)) + programs.Overhead }

type sha [2 * sha1.Size]byte

// Cache holds scripts, within a limit of bytes. Some are kept: they go with the data. Others were only run here, and
// are forgotten when they were not used for long.
type Cache struct {
	bySHA  map[sha]*Script
	byBody map[string]*Script
	set    *programs.Set
	local  list.List // least used first
	size   int64     // of local
}

// NewCache makes a cache with the scripts that go with the data.
func NewCache(set *programs.Set) *Cache {
	c := &Cache{bySHA: map[sha]*Script{}, byBody: map[string]*Script{}}
	c.Adopt(set)
	return c
}

// Adopt has the scripts that are kept be those of another data set.
func (c *Cache) Adopt(set *programs.Set) {
	if c.set = set; len(c.byBody) > 0 {
		for _, s := range c.byBody {
			if s.kept != nil {
				c.drop(s)
			}
		}
	}
	for _, body := range set.Scripts() {
		c.keep(body, math.MaxInt64)
	}
}

// Flush forgets all scripts.
func (c *Cache) Flush() {
	c.set.Flush()
	c.FlushLocal()
	clear(c.byBody)
	clear(c.bySHA)
}

// FlushLocal forgets all scripts but those that are kept.
func (c *Cache) FlushLocal() {
	for c.local.Len() > 0 {
		c.drop(c.local.Front().Value.(*Script))
	}
}

func (c *Cache) drop(s *Script) {
	delete(c.byBody, s.Body)
	delete(c.bySHA, sha([]byte(s.SHA)))
	if s.local != nil {
		c.local.Remove(s.local)
		c.size -= s.size()
		s.local = nil
	}
}

// Len is how many scripts there are.
func (c *Cache) Len() int { return len(c.bySHA) }

// Memory is what they take.
func (c *Cache) Memory() int64 {
	kept, _ := c.set.Memory()
	return c.size + kept
}

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
	c.know(s)
	s.local = c.local.PushBack(s)
	c.size += s.size()
	for c.size > limit && c.local.Len() > 1 {
		c.drop(c.local.Front().Value.(*Script))
	}
	return s
}

func (c *Cache) know(s *Script) { c.byBody[s.Body], c.bySHA[sha([]byte(s.SHA))] = s, s }

// Keep has the script with a text be kept, as the newest of those that are. It need not be a sound one.
func (c *Cache) Keep(body []byte, limit int64) { c.keep(string(body), limit) }

func (c *Cache) keep(body string, limit int64) {
	s := c.byBody[body]
	if s == nil {
		s = &Script{Body: body, SHA: hashOf(body)}
		s.Flags, _, _ = readFlags(body)
		c.know(s)
	}
	if s.local != nil {
		c.local.Remove(s.local)
		c.size -= s.size()
		s.local = nil
	}
	var forgotten []*programs.Script
	s.kept, forgotten = c.set.Keep(s.Body, limit)
	for _, f := range forgotten {
		if known := c.byBody[f.Body]; known != nil {
			c.drop(known)
		}
	}
}

// Use notes that a script is run, and reports whether it should be kept: it is not, or will soon be forgotten.
func (c *Cache) Use(s *Script, limit int64) (keep bool) {
	if s.local == nil {
		return s.kept == nil || c.set.Fading(s.kept, limit)
	}
	c.local.MoveToBack(s.local)
	return true
}
