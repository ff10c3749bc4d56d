package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// hosts are network namespaces on one bridge. The bridge is in a namespace of its own, the hub, where the clients run:
// the machine's packet filter has no say in it.
type hosts struct {
	prefix string // of the names of namespaces and links
	subnet string
	n      int
}

// newHosts names n hosts. Names and addresses are the process's own, so that two runs don't meet.
func newHosts(n int) *hosts {
	pid := os.Getpid()
	return &hosts{prefix: "hf" + strconv.Itoa(pid%100000), subnet: fmt.Sprintf("10.%d.%d", 64+pid/250%60, pid%250),
		n: n}
}

// String is what parseHosts reads.
func (h *hosts) String() string { return fmt.Sprintf("%s,%s,%d", h.prefix, h.subnet, h.n) }

func parseHosts(s string) (*hosts, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q names no hosts", s)
	}
	n, err := strconv.Atoi(parts[2])
	return &hosts{prefix: parts[0], subnet: parts[1], n: n}, err
}

// make sets the hosts up.
func (h *hosts) make() error {
	cmds := []string{
		"netns add " + h.hub(),
		fmt.Sprintf("-n %s link add br0 type bridge", h.hub()),
		fmt.Sprintf("-n %s addr add %s.254/24 dev br0", h.hub(), h.subnet),
		fmt.Sprintf("-n %s link set br0 up", h.hub()),
		fmt.Sprintf("-n %s link set lo up", h.hub()),
	}
	for i := range h.n {
		ns := h.namespace(i)
		cmds = append(cmds,
			"netns add "+ns,
			fmt.Sprintf("-n %s link add v%d type veth peer name eth0 netns %s", h.hub(), i, ns),
			fmt.Sprintf("-n %s link set v%d master br0", h.hub(), i),
			fmt.Sprintf("-n %s link set v%d up", h.hub(), i),
			fmt.Sprintf("-n %s addr add %s/24 dev eth0", ns, h.ip(i)),
			fmt.Sprintf("-n %s link set eth0 up", ns),
			fmt.Sprintf("-n %s link set lo up", ns),
		)
	}
	for _, c := range cmds {
		if err := ip(c); err != nil {
			return err
		}
	}
	return nil
}

func (h *hosts) hub() string            { return h.prefix + "hub" }
func (h *hosts) namespace(i int) string { return fmt.Sprintf("%sn%d", h.prefix, i) }
func (h *hosts) ip(i int) string        { return fmt.Sprintf("%s.%d", h.subnet, i+1) }

// between are all directions between hosts.
func (h *hosts) between() (all []way) {
	for i := range h.n {
		for j := range h.n {
			if i != j {
				all = append(all, way{i, j})
			}
		}
	}
	return all
}

// remove takes everything away; the links go with their namespaces. What is not there any more is no mistake.
func (h *hosts) remove() {
	for i := range h.n {
		_ = ip("netns del " + h.namespace(i))
	}
	_ = ip("netns del " + h.hub())
}

func ip(args string) error { return execute("ip", strings.Fields(args)...) }
