package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// place is a line of a configuration.
type place struct {
	file string
	line int
}

// aclLine is a "user" line: a name, then rules.
type aclLine struct {
	at   place
	args []string
}

// renameLine is a "rename-command" line.
type renameLine struct {
	at    place
	names [2]string
}

// Why settings are refused that protect a server of Redis.
var (
	errUnsupported = errors.New("this is not supported yet, and whoever relies on it would not be protected; with " +
		"'ignore-unsupported yes' it is accepted and does nothing")
	errNoUsers = errors.New("users are not supported yet but for the default one with all rights, so that it " +
		"would be as powerful as before; " +
		"'ignore-unsupported yes' starts without what the line says")
	errNoRenames = errors.New("commands can't be renamed or removed yet, so that it could be called as before; " +
		"'ignore-unsupported yes' starts without what the line says")
)

// Unsupported says what the settings ask for to be protected that there is not yet, each with its place; it is what
// Check refuses. The values of what is secret are not in it.
func (c *Config) Unsupported() (list []error) {
	c.mu.Lock()
	facts := c.file.clone()
	c.mu.Unlock()
	for _, r := range facts.renames {
		list = append(list, &ParseError{File: r.at.file, Line: r.at.line, Directive: "rename-command " + r.names[0] +
			" …", Reason: errNoRenames})
	}
	for _, u := range facts.users {
		if !c.isDefaultUser(u.args) {
			list = append(list, &ParseError{File: u.at.file, Line: u.at.line, Directive: "user " + u.args[0] + " …",
				Reason: errNoUsers})
		}
	}
	now := c.now.Load()
	for i := range table {
		d := &table[i]
		if !d.Is(Unsupported) || now.values[i].text == defaults.values[i].text {
			continue
		}
		text := d.Name + " " + now.values[i].text
		at, ok := facts.places[i]
		if !ok {
			list = append(list, &flagError{shown(text), errUnsupported})
			continue
		}
		list = append(list, &ParseError{File: at.file, Line: at.line, Directive: shown(text), Reason: errUnsupported})
	}
	return list
}

// Check refuses settings that ask for protection that there is not, unless ignore-unsupported says to go on without.
func (c *Config) Check() error {
	if c.isYes(rowIgnoreUnsupported) {
		return nil
	}
	return errors.Join(c.Unsupported()...)
}

// InertNames are the directives that were given another value than their default and change nothing.
func (c *Config) InertNames() (names []string) {
	now := c.now.Load()
	for i := range table {
		if table[i].Is(Inert) && now.values[i].text != defaults.values[i].text {
			names = append(names, table[i].Name)
		}
	}
	return names
}

// flagError is a ParseError for what stands in no file.
type flagError struct {
	directive string
	reason    error
}

func (e *flagError) Error() string { return "--" + e.directive + ": " + e.reason.Error() }
func (e *flagError) Unwrap() error { return e.reason }

// isDefaultUser tells whether a "user" line describes the user that there is: the default one, who may do everything,
// with the password of requirepass. CONFIG REWRITE of Redis writes that line.
func (c *Config) isDefaultUser(args []string) bool {
	if args[0] != "default" {
		return false
	}
	password := c.RequirePass()
	sum := sha256.Sum256([]byte(password))
	for _, rule := range args[1:] {
		switch {
		case strings.HasPrefix(rule, ">"):
			if password == "" || rule[1:] != password {
				return false
			}
		case strings.HasPrefix(rule, "#"):
			if password == "" || !strings.EqualFold(rule[1:], hex.EncodeToString(sum[:])) {
				return false
			}
		default:
			switch strings.ToLower(rule) {
			case "on", "sanitize-payload", "skip-sanitize-payload", "~*", "allkeys", "&*", "allchannels", "+@all",
				"allcommands":
			case "nopass":
				if password != "" {
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}

// shown is a line for an error, without what is secret in it.
func shown(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return line
	}
	name, lower := words[0], strings.ToLower(words[0])
	if i, ok := index[lower]; ok && table[i].Is(Sensitive) || lower == "user" || lower == "rename-command" {
		return name + " …"
	}
	return line
}
