package node

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"holdfast/node/member"
	"holdfast/replication"
)

// listen opens every address of bind. Of an address that begins with "-" it is no mistake when the machine has it not.
func (n *Node) listen() (listeners []net.Listener, err error) {
	for _, host := range n.settings.Bind() {
		host, optional := strings.CutPrefix(host, "-")
		addr := net.JoinHostPort(listenHost(host), strconv.Itoa(n.settings.Port()))
		l, e := n.network.Listen(addr)
		switch {
		case e == nil:
			listeners = append(listeners, l)
		case !optional:
			err = errors.Join(err, fmt.Errorf("cannot listen on %s: %w", addr, e))
		}
	}
	if err == nil && len(listeners) == 0 {
		err = fmt.Errorf("none of the addresses of bind (%s) can be listened on", strings.Join(n.settings.Bind(), " "))
	}
	if err == nil {
		err = n.identify(listeners[0].Addr())
	}
	if err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return nil, err
	}
	return listeners, nil
}

// listenHost spells an address of bind as the network does: "*" is every IPv4 address, "::*" every IPv6 address.
func listenHost(host string) string {
	switch host {
	case "*":
		return "0.0.0.0"
	case "::*":
		return "::"
	}
	return host
}

// identify settles under which address and name the node is known to others.
func (n *Node) identify(listen net.Addr) error {
	host, port, err := net.SplitHostPort(listen.String())
	if err != nil {
		return fmt.Errorf("reading the listener's address %s: %w", listen, err)
	}
	if h := n.settings.AnnounceIP(); h != "" {
		host = h
	}
	if p := n.settings.AnnouncePort(); p != 0 {
		port = strconv.Itoa(p)
	}
	if ip := net.ParseIP(host); n.grouped && ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("a node that listens on %s cannot know under which address others reach it: set announce-ip",
			host)
	}
	n.self.Addr = net.JoinHostPort(host, port)
	if n.self.Name = n.settings.NodeName(); n.self.Name == "" {
		n.self.Name = n.self.Addr
	}
	if n.grouped {
		n.self.Name, err = n.identity.TakeName(n.settings.NodeName(), n.self.Addr, n.persist.HasLog(),
			replication.Random{Rand: n.rand})
		if err != nil {
			return err
		}
		n.identity.NoteStart(n.lock, n.self.Incarnation)
	}
	if n.grouped {
		n.proof, err = member.NewProof(n.settings, n.self.Name, n.logger)
	}
	n.replication.Introduce(n.self, n.proof)
	n.door.Introduce(n.proof)
	return err
}
