package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Files opens the files that a configuration includes. Either function may be
// nil: then such includes are refused.
type Files struct {
	Open func(path string) (io.ReadCloser, error)
	Glob func(pattern string) ([]string, error) // for paths with wildcards
}

// ParseError says where a configuration is wrong, and why.
type ParseError struct {
	File      string
	Line      int
	Directive string // the line's text
	Reason    error
}

// Error returns "FILE:LINE: 'directive args' reason".
func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d: '%s' %v", e.File, e.Line, e.Directive, e.Reason)
}

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Reason }

const (
	maxFileBytes    = 16 << 20
	maxIncludeDepth = 16
)

var errBadDirective = errors.New("Bad directive or wrong number of arguments")

// obsolete are directives that old files may have and that mean nothing now.
var obsolete = map[string]bool{"list-max-ziplist-entries": true, "list-max-ziplist-value": true,
	"lua-replicate-commands": true}

// ParseFile reads a redis.conf from r; path is its name in errors. All of it
// takes effect or, after an error, nothing. Hooks are not called. It belongs to
// the start: a change made by others meanwhile would be lost.
func (c *Config) ParseFile(path string, r io.Reader, files Files) error {
	c.mu.Lock()
	facts := c.file.clone()
	c.mu.Unlock()
	// Reading is I/O, so it happens without the lock.
	next := &snapshot{values: slices.Clone(c.now.Load().values)}
	p := parser{values: next, facts: &facts, files: files}
	if err := p.file(path, r, 0); err != nil {
		return err
	}
	facts.parsed = make([]string, len(next.values))
	for i, v := range next.values {
		facts.parsed[i] = v.written()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Store(next)
	c.file = facts
	return nil
}

func (f fileFacts) clone() fileFacts {
	g := fileFacts{users: slices.Clone(f.users), renames: slices.Clone(f.renames), places: maps.Clone(f.places),
		included: make(map[int]bool), parsed: f.parsed}
	if g.places == nil {
		g.places = make(map[int]place)
	}
	for k := range f.included {
		g.included[k] = true
	}
	return g
}

// Users returns the arguments of each "user" line: name, then rules.
func (c *Config) Users() [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var users [][]string
	for _, u := range c.file.users {
		users = append(users, slices.Clone(u.args))
	}
	return users
}

// Renames returns the pairs of "rename-command" lines; an empty new name removes the command.
func (c *Config) Renames() [][2]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var renames [][2]string
	for _, r := range c.file.renames {
		renames = append(renames, r.names)
	}
	return renames
}

// parser reads configuration files into a snapshot that is not yet published.
type parser struct {
	values   *snapshot
	facts    *fileFacts
	files    Files
	at       place // of the line that is being read
	saveCame bool  // a save line was seen: the defaults are gone
}

func (p *parser) file(path string, r io.Reader, depth int) error {
	text, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("read configuration %s: %w", path, err)
	}
	if len(text) > maxFileBytes {
		return fmt.Errorf("read configuration %s: longer than %d bytes", path, maxFileBytes)
	}
	number := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		number++
		line = strings.Trim(line, " \t\r\n")
		p.at = place{path, number}
		if err := p.line(line, depth); err != nil {
			var inner *ParseError
			if errors.As(err, &inner) {
				return err // of an included file
			}
			return &ParseError{File: path, Line: number, Directive: shown(line), Reason: err}
		}
	}
	return nil
}

func (p *parser) line(line string, depth int) error {
	if line == "" || line[0] == '#' {
		return nil
	}
	args, err := splitArgs(line)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return nil
	}
	name, args := strings.ToLower(args[0]), args[1:]
	if i, ok := index[name]; ok {
		if depth > 0 {
			p.facts.included[i] = true
		}
		p.facts.places[i] = p.at
		return p.directive(i, args)
	}
	return p.other(name, args, depth)
}

func (p *parser) directive(i int, args []string) error {
	d := &table[i]
	if len(args) == 1 {
		words, err := d.words(args[0])
		if err != nil {
			return err
		}
		args = words
	}
	before := p.values.values[i]
	if err := p.values.set(i, args); err != nil {
		return err
	}
	if i == rowSave {
		// The first line replaces the defaults, the next ones add to it.
		added := p.values.values[i].parsed.([]SavePoint)
		if p.saveCame && len(added) > 0 {
			all := slices.Concat(before.parsed.([]SavePoint), added)
			p.values.values[i] = saveValue(all)
		}
		p.saveCame = true
	}
	return nil
}

// other handles the lines that are not about a setting.
func (p *parser) other(name string, args []string, depth int) error {
	switch {
	case name == "include" && len(args) == 1:
		return p.include(args[0], depth+1)
	case name == "rename-command" && len(args) == 2:
		p.facts.renames = append(p.facts.renames, renameLine{p.at, [2]string{args[0], args[1]}})
	case name == "user" && len(args) >= 1:
		p.facts.users = append(p.facts.users, aclLine{p.at, slices.Clone(args)})
	case name == "loadmodule", strings.Contains(name, "."):
		return errors.New("modules are not supported")
	case name == "sentinel":
		return errors.New("sentinel directive while not in sentinel mode")
	case obsolete[name] && len(args) == 1:
	default:
		return errBadDirective
	}
	return nil
}

func (p *parser) include(path string, depth int) error {
	if depth > maxIncludeDepth {
		return errors.New("includes are nested too deeply")
	}
	paths := []string{path}
	if strings.ContainsAny(path, "*?[") {
		if p.files.Glob == nil {
			return errors.New("include with wildcards is not possible here")
		}
		var err error
		if paths, err = p.files.Glob(path); err != nil {
			return fmt.Errorf("can't look for included files: %w", err)
		}
	}
	for _, path := range paths {
		if err := p.includeOne(path, depth); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) includeOne(path string, depth int) (err error) {
	if p.files.Open == nil {
		return errors.New("include is not possible here")
	}
	f, err := p.files.Open(path)
	if err != nil {
		return fmt.Errorf("can't open included file: %w", err)
	}
	defer func() {
		if closing := f.Close(); err == nil && closing != nil {
			err = fmt.Errorf("close included file %s: %w", path, closing)
		}
	}()
	return p.file(path, f, depth)
}
