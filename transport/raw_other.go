//go:build !linux || !(amd64 || arm64)

package transport

import "net"

func rawStream(conn net.Conn) net.Conn { return conn }

func rawPackets(conn net.PacketConn) net.PacketConn { return conn }
