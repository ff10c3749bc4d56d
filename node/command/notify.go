package command

import (
	"strconv"

	"holdfast/node/config"
)

// The classes of keyspace events, as notify-keyspace-events names them.
const (
	NotifyGeneric = config.NotifyGeneric
	NotifyString  = config.NotifyString
	NotifySet     = config.NotifySet
	NotifyList    = config.NotifyList
	NotifyZSet    = config.NotifyZSet
	NotifyHash    = config.NotifyHash
	NotifyStream  = config.NotifyStream
	NotifyExpired = config.NotifyExpired
	NotifyEvicted = config.NotifyEvicted
	NotifyNew     = config.NotifyNew
	NotifyMiss    = config.NotifyKeyMiss
)

// Notify publishes a keyspace event to those who listen on this node, if the class is switched on.
func (c *Context) Notify(class config.NotifyFlags, event string, key []byte) {
	on := c.Config.NotifyKeyspaceEvents()
	if on&class == 0 {
		return
	}
	db := strconv.Itoa(c.DB.Index())
	if on&config.NotifyKeyspace != 0 {
		c.Publish(append([]byte("__keyspace@"+db+"__:"), key...), []byte(event))
	}
	if on&config.NotifyKeyevent != 0 {
		c.Publish([]byte("__keyevent@"+db+"__:"+event), key)
	}
}
