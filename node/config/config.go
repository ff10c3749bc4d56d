package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"holdfast/resp"
)

// Config is the settings of one node. All methods may be called from any
// goroutine; changes at run time must come one at a time, as they do under the
// node's execution lock.
type Config struct {
	now atomic.Pointer[snapshot]

	mu    sync.Mutex // guards hooks and file, and orders the making of snapshots
	hooks map[int][]Hook
	file  fileFacts
}

// snapshot has a value for each row of the table. Nobody writes to one that
// has been published.
type snapshot struct {
	values []value
}

// Hook acts on a change of a directive, given as CONFIG GET prints it. It runs
// after the new value can be read; an error refuses the change.
type Hook func(old, new string) error

// fileFacts is what redis.conf said beside the directives of the table.
type fileFacts struct {
	users    []aclLine
	renames  []renameLine
	places   map[int]place // where rows were set
	included map[int]bool  // rows set by included files, which Rewrite can't change
	parsed   []string      // the rows' values after the last file was read
}

// defaults is the snapshot that a new Config begins with.
var defaults = makeDefaults(table)

func makeDefaults(rows []Directive) *snapshot {
	s := &snapshot{values: make([]value, len(rows))}
	for i := range rows {
		d := &rows[i]
		v, err := d.parse(value{}, d.split(d.Default))
		if err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", d.Name, err))
		}
		s.values[i] = v
	}
	return s
}

// Default returns a Config with every directive at its default.
func Default() *Config {
	c := &Config{hooks: make(map[int][]Hook)}
	c.now.Store(defaults)
	return c
}

// split cuts the text of a CONFIG SET argument as Redis does: at each single
// space, for directives that take several arguments.
func (d *Directive) split(text string) []string {
	switch {
	case !d.Is(Multi):
		return []string{text}
	case text == "":
		return nil
	}
	return strings.Split(text, " ")
}

func (c *Config) value(row int) value { return c.now.Load().values[row] }

// derive publishes a copy of the current snapshot after edit has changed it.
// Nothing is published when edit fails. It returns the snapshot before.
func (c *Config) derive(edit func(s *snapshot) error) (before *snapshot, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before = c.now.Load()
	next := &snapshot{values: slices.Clone(before.values)}
	if err := edit(next); err != nil {
		return before, err
	}
	c.now.Store(next)
	return before, nil
}

// OnChange has hook called on each change of a directive by SetRuntime. It
// panics if there is no such directive.
func (c *Config) OnChange(name string, hook Hook) {
	i := row(strings.ToLower(name))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks[i] = append(c.hooks[i], hook)
}

// Set sets a directive from outside of CONFIG SET, as a command line flag or
// the node itself does: what is immutable for clients can be set, and hooks
// are not called. Its errors have the reason only.
func (c *Config) Set(name string, args []string) error {
	i, ok := index[strings.ToLower(name)]
	if !ok {
		return errBadDirective
	}
	if _, err := c.derive(func(s *snapshot) error { return s.set(i, args) }); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.file.places, i)
	return nil
}

// SetText is Set for a text that stands for all arguments, as a single word of a line in a file does: of a directive
// that takes several it is cut into words, with quotes as there, of any other it is the value as it is.
func (c *Config) SetText(name, text string) error {
	d, ok := Lookup(name)
	if !ok {
		return errBadDirective
	}
	args, err := d.words(text)
	if err != nil {
		return err
	}
	return c.Set(name, args)
}

// words are the arguments that a single one stands for, as in: save "900 1 300 10".
func (d *Directive) words(text string) ([]string, error) {
	if !d.Is(Multi) || text == "" {
		return []string{text}, nil
	}
	return splitArgs(text)
}

func (s *snapshot) set(i int, args []string) error {
	d := &table[i]
	if !d.Is(Multi) && len(args) != 1 {
		return errArgCount
	}
	v, err := d.parse(s.values[i], args)
	if err != nil {
		return err
	}
	s.values[i] = v
	return nil
}

// Get returns names and values of the directives that match any of the
// patterns, aliases included, as CONFIG GET replies: a name without wildcards
// comes back as it was asked for.
func (c *Config) Get(patterns ...string) [][2]string {
	s := c.now.Load()
	var found [][2]string
	seen := make(map[string]bool)
	add := func(name string, i int) {
		if lower := strings.ToLower(name); !seen[lower] {
			seen[lower] = true
			found = append(found, [2]string{name, s.values[i].text})
		}
	}
	for _, p := range patterns {
		if !strings.ContainsAny(p, "[*?") {
			if i, ok := index[strings.ToLower(p)]; ok {
				add(p, i)
			}
			continue
		}
		pattern := []byte(p)
		for _, n := range spelled {
			if !table[n.row].Is(Hidden) && resp.Match(pattern, []byte(n.text), true) {
				add(n.text, n.row)
			}
		}
	}
	return found
}

// Directives returns the table's rows.
func Directives() []Directive { return slices.Clone(table) }

// Directives returns the table's rows, for command line flags and help.
func (c *Config) Directives() []Directive { return Directives() }

// Caller says from where a CONFIG SET comes.
type Caller struct {
	Local   bool // the client is on this machine
	Loading bool // the node is loading its data
}

// errLoading refuses a change that can't be made while data is being loaded.
const errLoading = resp.Error("LOADING Redis is loading the dataset in memory")

// change is one pair of a CONFIG SET.
type change struct {
	name string // as declared
	row  int
	text string
	old  value
}

// SetRuntime is CONFIG SET: either all pairs take effect or none. Its errors
// are the texts that Redis replies with.
func (c *Config) SetRuntime(pairs [][2]string, from Caller) error {
	changes, err := c.plan(pairs, from)
	if err != nil {
		return err
	}
	before, err := c.derive(func(s *snapshot) error {
		for i := range changes {
			ch := &changes[i]
			if err := s.set(ch.row, table[ch.row].split(ch.text)); err != nil {
				return failed(ch.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range changes {
		changes[i].old = before.values[changes[i].row]
	}
	return c.announce(changes)
}

// failed is the reply to a CONFIG SET that names what is to blame.
func failed(name string, reason error) error {
	return fmt.Errorf("CONFIG SET failed (possibly related to argument '%s') - %w", name, reason)
}

// plan checks what can be checked before values are looked at.
func (c *Config) plan(pairs [][2]string, from Caller) ([]change, error) {
	changes := make([]change, 0, len(pairs))
	seen := make(map[string]bool, len(pairs))
	var failure error
	for _, p := range pairs {
		lower := strings.ToLower(p[0])
		i, ok := index[lower]
		if !ok {
			return nil, c.unknown(p[0], failure)
		}
		if failure != nil {
			continue
		}
		d := &table[i]
		switch {
		case d.Is(Own) && !d.Is(Mutable) && p[1] == c.value(i).text:
			continue // as it is: a tool that writes back what CONFIG GET told does no harm
		case !d.Is(Mutable):
			failure = failed(p[0], errors.New("can't set immutable config"))
		case d.Is(Unsupported) && !c.isYes(rowIgnoreUnsupported) && p[1] != c.value(i).text &&
			p[1] != defaults.values[i].text:
			failure = failed(p[0], errUnsupported)
		case d.Is(Protected) && !c.allowed(rowEnableProtected, from):
			failure = failed(p[0], errors.New("can't set protected config"))
		case from.Loading && d.Is(DenyLoading):
			failure = errLoading
		case seen[lower]:
			failure = failed(p[0], errors.New("duplicate parameter"))
		}
		seen[lower] = true
		changes = append(changes, change{name: lower, row: i, text: p[1]})
	}
	return changes, failure
}

// unknown is the reply to a name that does not exist, unless an earlier pair
// has already decided it.
func (c *Config) unknown(name string, earlier error) error {
	if earlier != nil {
		return earlier
	}
	return fmt.Errorf("Unknown option or number of arguments for CONFIG SET - '%s'", name)
}

// allowed reads one of the enable-protected rows.
func (c *Config) allowed(row int, from Caller) bool {
	switch c.value(row).text {
	case "yes":
		return true
	case "local":
		return from.Local
	}
	return false
}

// announce calls the hooks of changed directives in order. When one refuses,
// all values go back, and the hooks that had agreed hear of that.
func (c *Config) announce(changes []change) error {
	after := c.now.Load()
	type call struct {
		hook     Hook
		old, new string
	}
	var done []call
	for _, ch := range changes {
		old, text := ch.old.text, after.values[ch.row].text
		if old == text && !table[ch.row].Is(Volatile) {
			continue
		}
		for _, h := range c.hooksOf(ch.row) {
			err := h(old, text)
			if err == nil {
				done = append(done, call{h, old, text})
				continue
			}
			c.restore(changes)
			for _, d := range slices.Backward(done) {
				// The old value was in force a moment ago: if it can't be applied any
				// more, the refusal that the client hears is still the first one.
				err = errors.Join(err, d.hook(d.new, d.old))
			}
			return failed(ch.name, err)
		}
	}
	return nil
}

func (c *Config) hooksOf(row int) []Hook {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.hooks[row])
}

// restore puts the values back that were before the changes, leaving others alone.
func (c *Config) restore(changes []change) {
	// The edit can't fail.
	_, _ = c.derive(func(s *snapshot) error {
		for _, ch := range changes {
			s.values[ch.row] = ch.old
		}
		return nil
	})
}
