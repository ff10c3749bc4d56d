package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"holdfast/node/config"
)

// usual are the directives that the help lists; the others are flags as well.
var usual = map[string]bool{
	"port": true, "bind": true, "dir": true, "join": true, "group": true, "node-name": true, "ack-mode": true,
	"replica-read": true,
	"gossip-port":  true, "group-key": true, "insecure-group": true, "announce-ip": true, "announce-port": true,
	"requirepass": true, "masterauth": true, "sentinel-auth-pass": true, "protected-mode": true,
	"save": true, "appendonly": true, "appendfsync": true, "replicaof": true, "databases": true, "maxclients": true,
	"repl-backlog-size": true, "loglevel": true,
}

func printDirectives(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range config.Directives() {
		if !d.Is(config.Hidden) {
			fmt.Fprintf(t, "%s\t%s\t%s\t\n", d.Name, d.Default, d.Help)
		}
	}
	return t.Flush()
}

// directives is what the command line says of them, in its order.
type directives struct {
	given   []given
	secrets []secret
}

type given struct{ name, text string }

// directiveFlag is the flag of a directive.
type directiveFlag struct {
	to         *directives
	name, text string
}

func (f *directiveFlag) Set(text string) error {
	f.text = text
	f.to.given = append(f.to.given, given{f.name, text})
	return nil
}

func (f *directiveFlag) String() string { return f.text }
func (f *directiveFlag) Type() string   { return "string" }

// directiveFlags makes a flag of every directive.
func directiveFlags(flags *pflag.FlagSet) *directives {
	all := &directives{}
	for _, d := range config.Directives() {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			flags.Var(&directiveFlag{to: all, name: name, text: d.Default}, name, d.Help)
			flags.Lookup(name).Hidden = !usual[name]
		}
	}
	flags.SortFlags = true
	return all
}

// secretDirectives are the directives that a file or the environment may tell as well.
func secretDirectives(flags *pflag.FlagSet) (list []secret) {
	for _, name := range []string{"group-key", "requirepass", "masterauth", "sentinel-auth-pass"} {
		list = append(list, secret{name, new(string), secretFile(flags, name)})
	}
	return list
}

// apply sets the directives. The lines of save add up, as in a file.
func (g *directives) apply(settings *config.Config) error {
	var saves []string
	for _, f := range g.given {
		text := f.text
		switch {
		case f.name == "join":
			text = strings.ReplaceAll(text, ",", " ")
		case f.name == "save" && text == "":
			saves = nil
		case f.name == "save":
			saves = append(saves, text)
			text = strings.Join(saves, " ")
		}
		if err := settings.SetText(f.name, text); err != nil {
			if d, _ := config.Lookup(f.name); d.Is(config.Sensitive) {
				text = "…"
			}
			return fmt.Errorf("--%s %s: %w", f.name, text, err)
		}
	}
	return nil
}

// joinValues reads a command line as redis-server does: whatever stands behind "--name", up to the next word that
// begins with "--", are its arguments; the first may begin so itself, and "--name arguments" may also be one word. What
// takes one argument gets only the next word.
func joinValues(args []string) (joined []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(joined, args[i:]...)
		}
		name, isName := strings.CutPrefix(arg, "--")
		name, rest, together := strings.Cut(name, " ")
		d, known := config.Lookup(name)
		name = strings.ToLower(name)
		switch {
		case !isName || !known:
			joined = append(joined, arg)
			continue
		case together:
			joined = append(joined, "--"+name+"="+strings.TrimSpace(rest))
			continue
		}
		var values []string
		behind := i+1 < len(args)
		switch next := ""; {
		case behind:
			if next = args[i+1]; d.Name != "save" || !strings.HasPrefix(next, "--") {
				values = append(values, next)
				i++
			}
		case d.Name != "save":
			joined = append(joined, arg) // the flag will say what it lacks
			continue
		}
		for d.Is(config.Multi) && len(values) > 0 && i+1 < len(args) && !strings.HasPrefix(args[i+1], "--") {
			i++
			values = append(values, args[i])
		}
		text := strings.Join(values, "")
		if len(values) > 1 {
			for n, v := range values {
				values[n] = config.Quote(v)
			}
			text = strings.Join(values, " ")
		}
		joined = append(joined, "--"+name+"="+text)
	}
	return joined
}
