package command

import (
	"holdfast/resp"
	"holdfast/server"
)

// handler is what a row runs.
type handler = func(c *Context, args [][]byte, w *resp.Writer) error

// always are the flags of commands that answer in any state of the node.
const always = resp.Loading | resp.Stale

// publishRows are PUBLISH and SPUBLISH, which a chain passes on.
var publishRows = []Command{server.PublishRow(publish), server.ShardPublishRow(publishShard)}

func publish(c *Context, args [][]byte, w *resp.Writer) error {
	n := c.Publish(args[1], args[2])
	c.passOn(args)
	w.Int(int64(n))
	return nil
}

func publishShard(c *Context, args [][]byte, w *resp.Writer) error {
	n := c.PublishShard(args[1], args[2])
	c.passOn(args)
	w.Int(int64(n))
	return nil
}

// passOn sends a message down the chain, for those who listen there. What is published on a replica stays there: its
// log is its predecessor's.
func (c *Context) passOn(args [][]byte) {
	c.replaced = true
	if !c.Apply && c.Engine.Master() {
		c.Effects.Add(c.DB.Index(), args...)
	}
}
