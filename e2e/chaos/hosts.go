package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// hosts are network namespaces on one bridge. The clients' address is the bridge's own.
type hosts struct {
	prefix string // of the names of namespaces and links
	subnet string
	n      int
}

// newHosts makes n hosts. Names and addresses are the process's own, so that two runs don't meet.
func newHosts(n int) (*hosts, error) {
	h := &hosts{prefix: "hf" + strconv.Itoa(os.Getpid()%100000), subnet: fmt.Sprintf("10.%d.%d", 64+os.Getpid()/250%60, os.Getpid()%250), n: n}
	cmds := []string{
		fmt.Sprintf("link add %s type bridge", h.bridge()),
		fmt.Sprintf("addr add %s.254/24 dev %s", h.subnet, h.bridge()),
		fmt.Sprintf("link set %s up", h.bridge()),
	}
	for i := range n {
		ns := h.namespace(i)
		cmds = append(cmds,
			"netns add "+ns,
			fmt.Sprintf("link add %sv type veth peer name eth0 netns %s", ns, ns),
			fmt.Sprintf("link set %sv master %s", ns, h.bridge()),
			fmt.Sprintf("link set %sv up", ns),
			fmt.Sprintf("-n %s addr add %s/24 dev eth0", ns, h.ip(i)),
			fmt.Sprintf("-n %s link set eth0 up", ns),
			fmt.Sprintf("-n %s link set lo up", ns),
		)
	}
	for _, c := range cmds {
		if err := ip(c); err != nil {
			return nil, errors.Join(err, h.remove())
		}
	}
	return h, nil
}

func (h *hosts) bridge() string         { return h.prefix + "b" }
func (h *hosts) namespace(i int) string { return fmt.Sprintf("%sn%d", h.prefix, i) }
func (h *hosts) ip(i int) string        { return fmt.Sprintf("%s.%d", h.subnet, i+1) }

// cut parts a host from the other hosts, both ways, and not from the clients.
func (h *hosts) cut(i int) error { return h.routes(i, "add") }

// heal ends a cut.
func (h *hosts) heal(i int) error { return h.routes(i, "del") }

func (h *hosts) routes(i int, verb string) error {
	var err error
	for j := range h.n {
		if j != i {
			err = errors.Join(err,
				ip(fmt.Sprintf("-n %s route %s blackhole %s/32", h.namespace(i), verb, h.ip(j))),
				ip(fmt.Sprintf("-n %s route %s blackhole %s/32", h.namespace(j), verb, h.ip(i))))
		}
	}
	return err
}

// remove takes everything away; what is not there any more is no mistake.
func (h *hosts) remove() error {
	for i := range h.n {
		_ = ip("netns del " + h.namespace(i))
		_ = ip(fmt.Sprintf("link del %sv", h.namespace(i)))
	}
	_ = ip("link del " + h.bridge())
	return nil
}

func ip(args string) error {
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, strings.TrimSpace(string(out)))
	}
	return nil
}
