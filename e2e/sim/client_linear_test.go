package sim

import (
	"context"
	"fmt"
	"strconv"

	"holdfast/internal/linear"
	"holdfast/resp"
)

// draw is an operation on a key that all clients share. In a uniform seed every command is as long as the SELECT with
// which a master begins: then two logs that part may fit together again, which hides nothing from the checkers, but
// would from a careless resume.
func (c *client) draw() (o linear.Operation, read bool) {
	of := func(n int, kinds ...string) string {
		return kinds[c.rng.IntN(len(kinds))] + strconv.Itoa(c.rng.IntN(n))
	}
	word := fmt.Sprintf("%d.%d", c.id, c.next)
	c.next++
	if c.g.uniform {
		return linear.Op("INCR", of(10, "k0"), ""), false
	}
	switch c.rng.IntN(16) {
	case 0, 1:
		return linear.Op("SET", of(2, "x"), word), false
	case 2:
		return linear.Op("GETSET", of(2, "x"), word), false
	case 3, 4:
		return linear.Op("GET", of(2, "x", "k0"), ""), true
	case 5:
		return linear.Op("INCR", of(2, "k0"), ""), false
	case 6, 7:
		return linear.Op("RPUSH", "l", word), false
	case 8, 9:
		return linear.Op("LPOP", "l", ""), false
	case 10:
		return linear.Op("LRANGE", "l", ""), true
	case 11:
		return linear.Op("SADD", "s", strconv.Itoa(c.rng.IntN(8))), false
	case 12:
		return linear.Op("SREM", "s", strconv.Itoa(c.rng.IntN(8))), false
	case 13:
		return linear.Op("SMEMBERS", "s", ""), true
	case 14:
		return linear.Op("transfer", "t", strconv.Itoa(1+c.rng.IntN(9))), false
	}
	return linear.Op("balance", "t", ""), true
}

// share does an operation: writes go to the master, reads to any node.
func (c *client) share() {
	o, read := c.draw()
	conn, who := c.master, c.at
	if read {
		if conn, who = c.someNode(); conn == nil {
			return
		}
	}
	call := c.g.linear.Begin()
	value, err := ask(conn, o)
	switch {
	case err == nil:
		c.g.linear.Done(c.id, o, call, linear.Outcome{Value: value})
		if !read {
			c.g.history.wroteShared(c.id)
		}
	case read:
		_ = conn.Close() // it may be in a transaction
		delete(c.others, who)
	default:
		if !linear.Refused(err) {
			c.g.linear.Done(c.id, o, call, linear.Outcome{Unknown: true})
		}
		c.failed(o.What+" "+o.Key, err)
	}
}

func ask(conn *resp.Client, o linear.Operation) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return linear.Ask(ctx, conn, o)
}

// readAll reads every shared key from every member, for the end of a history.
func (g *group) readAll(chain []*machine) {
	for _, m := range chain {
		c := &client{g: g, id: len(g.clients), host: g.control}
		conn, err := c.dial(m.addr())
		if err != nil {
			g.story.violated("liveness", "%s can't be reached at the end: %v", m.name, err)
			continue
		}
		ops := []linear.Operation{linear.Op("LRANGE", "l", ""), linear.Op("SMEMBERS", "s", ""),
			linear.Op("balance", "t", "")}
		for i := range 10 {
			ops = append(ops, linear.Op("GET", "k0"+strconv.Itoa(i), ""), linear.Op("GET", "x"+strconv.Itoa(i%2), ""))
		}
		for _, o := range ops {
			call := g.linear.Begin()
			value, err := ask(conn, o)
			if err != nil {
				break // its answer may yet come, and would pass for that of the next
			}
			g.linear.Done(c.id, o, call, linear.Outcome{Value: value})
		}
		_ = conn.Close()
	}
}
