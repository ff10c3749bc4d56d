package compat

import (
	"fmt"
	"slices"
	"strings"
)

// payloadOf stands before the name of a key in the place of RESTORE's payload: each server gets what the other one's
// DUMP of that key answers.
const payloadOf = "payload of "

var dumpTemplates = []template{
	{2, func(g *generator) []string { return cmd("dump", g.valueKey()) }},
	{10, func(g *generator) []string {
		return cmd("restore", g.valueKey(), g.pick([]string{"0", "0", "0", "-1", "x", fmt.Sprint(1000 * g.seconds())}),
			payloadOf+g.valueKey(),
			g.maybe("REPLACE"), g.maybe(g.pick([]string{"IDLETIME", "FREQ", "freq"}),
				g.pick([]string{"0", "5", "255", "256", "-1", "x"})))
	}},
	{2, func(g *generator) []string {
		return cmd("restore", g.valueKey(), g.pick([]string{"0", "1", "1000", fmt.Sprint(1000 * g.moment())}),
			payloadOf+g.valueKey(), "absttl", g.maybe("replace"))
	}},
	{1, func(g *generator) []string {
		return cmd("restore", g.valueKey(), "0",
			g.pick([]string{"", "x", "\x00\x01a\n\x00\x00\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("\xff", 20)}),
			g.maybe("REPLACE"))
	}},
}

// valueKey is a key of any type; but none of those that are to keep their size or their scores (see the templates of
// sorted sets).
func (g *generator) valueKey() string {
	draw := []func() string{g.anyKey, g.anyKey, g.setKey, g.listKey, g.zsetKey, g.hashKey, g.streamKey}
	return draw[g.IntN(len(draw))]()
}

func (g *generator) valueKeys() []string {
	list := make([]string, 1+g.IntN(4))
	for i := range list {
		list[i] = g.valueKey()
	}
	return list
}

// payloads is what each server gets for a command in which a payload may be missing.
func (p *pair) payloads(client int, args []string) (words [2][]string, err error) {
	words = [2][]string{args, args}
	if len(args) < 4 || !strings.HasPrefix(args[3], payloadOf) {
		return words, nil
	}
	for i := range words {
		r, err := p.conns[1-i][client].do("DUMP", strings.TrimPrefix(args[3], payloadOf))
		if err != nil {
			return words, err
		}
		words[i] = slices.Clone(args)
		words[i][3] = r.text
	}
	return words, nil
}
