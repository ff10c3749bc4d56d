package command

// remember notes the keys that a command has shown to a client that tracks what it reads.
func (e *Env) remember(c *Context, cmd *Command, args [][]byte) {
	if !c.S.Tracking.Tracks() {
		return
	}
	keys, err := cmd.AppendKeys(nil, args)
	if err != nil {
		return
	}
	for _, k := range keys {
		e.Tracking.Remember(c.S.Tracking, args[k.Index])
	}
}

// LimitTracking keeps what is remembered for clients' caches within tracking-table-max-keys.
func (e *Env) LimitTracking() {
	if e.Tracking.Clients() > 0 {
		e.Tracking.Limit(int(e.Config.Int("tracking-table-max-keys")))
	}
}
