//go:build !linux

package node

import "net"

// newWire is the cheapest way to read and write conn.
func newWire(conn net.Conn) wire { return plainWire{conn} }
