package node

import "net"

// plainWire is a connection of which nothing more is known: it cannot be waited for without reading.
type plainWire struct{ net.Conn }

// Wait leaves the waiting to Read.
func (plainWire) Wait() error { return nil }
