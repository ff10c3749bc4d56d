package compat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// clients is how many connections each server gets; the last one speaks RESP3.
const clients = 3

// settle is long enough for everything that expires after a few milliseconds to be past its time on both servers.
const settle = 5 * time.Millisecond

// op is one command of one client.
type op struct {
	client int
	args   []string
	settle bool // something short-lived was set: wait until it is over
}

func (o op) String() string {
	words := make([]string, len(o.args))
	for i, a := range o.args {
		words[i] = fmt.Sprintf("%q", a)
	}
	return fmt.Sprintf("client %d: %s", o.client, strings.Join(words, " "))
}

// pair is the two servers with their connections.
type pair struct {
	addr  [2]string // Redis's and Holdfast's
	conns [2][clients]*conn
	multi [clients]bool // in a transaction
	queue [clients][][]string

	replicas []*conn // of Holdfast, which must come to hold the same

	listens bool     // keyspace events are compared too
	ears    [2]*conn // that hear them

	streams [2]*stream // effects are compared too
}

// difference is what the two servers don't agree on.
type difference struct {
	op   op
	a, b reply
}

func (d *difference) Error() string {
	return fmt.Sprintf("%v\n  redis    %s\n  holdfast %s", d.op, clip(d.a), clip(d.b))
}

// clip shows a reply; a long one will be shorter when it is shrunk.
func clip(r reply) string {
	if r.raw[0] < ' ' { // of an iteration
		return fmt.Sprintf("%q", sortedTexts(r.elems))
	}
	const most = 600
	text := fmt.Sprintf("%q", r.raw)
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{addr: [2]string{startRedis(t), startHoldfast(t)}}
	t.Cleanup(p.hangUp)
	return p
}

func (p *pair) hangUp() {
	for _, server := range p.conns {
		for _, c := range server {
			if c != nil {
				c.close()
			}
		}
	}
	for _, c := range p.ears {
		if c != nil {
			c.close()
		}
	}
	*p = pair{addr: p.addr, replicas: p.replicas, listens: p.listens, streams: p.streams}
}

// reset begins anew: empty servers and fresh connections.
func (p *pair) reset() error {
	p.hangUp()
	for i, addr := range p.addr {
		for j := range clients {
			c, err := dial(addr)
			if err != nil {
				return err
			}
			p.conns[i][j] = c
		}
		for _, setup := range []struct {
			client int
			args   []string
		}{
			{0, []string{"FLUSHALL"}},
			{0, []string{"DEBUG", "SET-ACTIVE-EXPIRE", "0"}},
			{clients - 1, []string{"HELLO", "3"}},
		} {
			r, err := p.conns[i][setup.client].do(setup.args...)
			if err == nil && r.kind == '-' {
				err = errors.New(r.text)
			}
			if err != nil {
				return fmt.Errorf("%s at %s: %w", strings.Join(setup.args, " "), addr, err)
			}
		}
	}
	if p.listens {
		return p.listen()
	}
	return nil
}

// run executes operations from empty servers; a *difference tells where they disagree, any other error is a failure of
// the test itself, or of a connection.
func (p *pair) run(ops []op) (done int, err error) {
	if err := p.reset(); err != nil {
		return 0, err
	}
	if p.streams[0] != nil {
		for _, s := range p.streams {
			if _, err := s.next(); err != nil { // what the reset sent
				return 0, err
			}
		}
	}
	for i, o := range ops {
		err := p.step(o)
		if err == nil && p.listens {
			err = p.sameEvents(o)
		}
		if err == nil && p.streams[0] != nil {
			err = p.sameEffects(o)
		}
		if err != nil {
			return i + 1, err
		}
	}
	if err := p.digests(); err != nil || p.replicas == nil {
		return len(ops), err
	}
	return len(ops), p.sameReplicas()
}

func (p *pair) step(o op) error {
	name := commandName(o.args)
	cursor := cursorAt(name)
	if p.multi[o.client] && (cursor > 0 || name == "randomkey" || name == "restore") {
		return nil // which expired keys a part of an iteration deletes is chance; and a payload can't be asked for
	}
	if isSort(name) {
		// After a number out of range anywhere, no number will do for Redis's SORT until a command like this one clears
		// errno.
		if p.multi[o.client] {
			return nil
		}
		if _, _, err := p.both(o.client, []string{"SCAN", "x"}); err != nil {
			return err
		}
	}
	if name == "randomkey" {
		// Redis deletes the expired keys that it happens to draw, so let all be deleted before.
		if _, _, err := p.iterate(o.client, []string{"SCAN", "0"}); err != nil {
			return err
		}
	}
	a, b, err := p.both(o.client, o.args)
	if err != nil {
		return fmt.Errorf("%v: %w", o, err)
	}
	equal := false
	switch {
	case name == "exec" && p.multi[o.client]:
		equal = sameAll(p.queue[o.client], a, b)
	case cursor > 0 && a.kind == '*' && b.kind == '*' && o.args[cursor] == "0":
		if a, b, err = p.iterate(o.client, o.args); err != nil {
			return fmt.Errorf("%v: %w", o, err)
		}
		equal = same(o.args, a, b)
	case cursor > 0 && a.kind == '*' && b.kind == '*':
		// Cursors mean different things. What one of them happened to delete, both delete.
		if _, _, err := p.iterate(o.client, []string{"SCAN", "0"}); err != nil {
			return err
		}
		equal = true
	default:
		equal = same(o.args, a, b)
	}
	if !equal {
		return &difference{o, a, b}
	}
	p.follow(o, name, b)
	if o.settle {
		time.Sleep(settle)
	}
	return nil
}

func isSort(name string) bool { return name == "sort" || name == "sort_ro" }

// follow keeps track of transactions.
func (p *pair) follow(o op, name string, r reply) {
	switch {
	case r.kind == '+' && r.text == "QUEUED":
		p.queue[o.client] = append(p.queue[o.client], o.args)
	case name == "multi" && r.kind == '+':
		p.multi[o.client], p.queue[o.client] = true, nil
	case (name == "exec" || name == "discard") && len(o.args) == 1:
		p.multi[o.client] = false
	}
}

// both sends a command to both servers.
func (p *pair) both(client int, args []string) (a, b reply, err error) {
	redis, holdfast := p.conns[0][client], p.conns[1][client]
	words, err := p.payloads(client, args)
	if err != nil {
		return a, b, fmt.Errorf("payload: %w", err)
	}
	if err := redis.send(words[0]); err != nil {
		return a, b, fmt.Errorf("to redis: %w", err)
	}
	if err := holdfast.send(words[1]); err != nil {
		return a, b, fmt.Errorf("to holdfast: %w", err)
	}
	if a, err = redis.receive(); err != nil {
		return a, b, fmt.Errorf("from redis: %w", err)
	}
	if b, err = holdfast.receive(); err != nil {
		return a, b, fmt.Errorf("from holdfast: %w", err)
	}
	return a, b, nil
}

// maxSteps bounds an iteration that doesn't end.
const maxSteps = 100_000

// iterate runs a SCAN, or one of its like, to its end on each server, and answers all elements in one array.
func (p *pair) iterate(client int, args []string) (a, b reply, err error) {
	var all [2]reply
	cursor := cursorAt(commandName(args))
	for i := range all {
		c := p.conns[i][client]
		all[i] = reply{kind: '*', raw: []byte{byte(i)}} // never equal by its bytes
		step := append([]string(nil), args...)
		for n := 0; ; n++ {
			r, err := c.do(step...)
			if err != nil {
				return a, b, err
			}
			if len(r.elems) != 2 || n == maxSteps {
				return all[0], r, errors.New("a SCAN does not end")
			}
			all[i].elems = append(all[i].elems, r.elems[1].elems...)
			if step[cursor] = r.elems[0].text; step[cursor] == "0" {
				break
			}
		}
	}
	return all[0], all[1], nil
}

// digests compares all data.
func (p *pair) digests() error {
	o := op{args: []string{"DEBUG", "DIGEST"}}
	if p.multi[0] {
		o.client = clients - 1
	}
	for i := range clients {
		if p.multi[i] {
			if _, _, err := p.both(i, []string{"DISCARD"}); err != nil {
				return err
			}
		}
	}
	a, b, err := p.both(o.client, o.args)
	if err != nil {
		return err
	}
	if !same(o.args, a, b) {
		return &difference{o, a, b}
	}
	return nil
}
