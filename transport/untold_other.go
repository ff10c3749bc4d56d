//go:build !linux || !(amd64 || arm64)

package transport

import "net"

func untoldStream(conn net.Conn) net.Conn { return conn }

func untoldPackets(conn net.PacketConn) net.PacketConn { return conn }
