package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// onContainers are the faults that need no say in the network or the disks of the compose cluster's containers.
var onContainers = []string{"kill", "stop", "quorum", "all", "term", "failover", "rolling"}

// composeMembers are the containers of the compose cluster, which runs already.
func composeMembers() (all []*member, err error) {
	for i := range 3 {
		for _, m := range []*member{
			{name: fmt.Sprintf("node%d", i+1), host: i, ip: fmt.Sprintf("172.30.0.2%d", i+1)},
			{name: fmt.Sprintf("sentinel%d", i+1), host: i, ip: fmt.Sprintf("172.30.0.1%d", i+1), sentinel: true},
		} {
			out, err := exec.Command("docker", "ps", "--filter", "label=com.docker.compose.service="+m.name, "--filter",
				"ancestor=holdfast:latest", "--format", "{{.Names}}").Output()
			if err != nil {
				return nil, fmt.Errorf("looking for the container of %s: %w", m.name, err)
			}
			if m.container = strings.TrimSpace(string(out)); m.container == "" || strings.Contains(m.container, "\n") {
				return nil, fmt.Errorf("there is no container of %s, or more than one (%q): start the cluster with "+
					"make cluster", m.name, m.container)
			}
			m.awaitContainer()
			all = append(all, m)
		}
	}
	return all, nil
}

// startContainer starts a container that has ended.
func (m *member) startContainer() error {
	if err := execute("docker", "start", m.container); err != nil {
		return err
	}
	m.awaitContainer()
	return nil
}

// awaitContainer notes when the container ends.
func (m *member) awaitContainer() {
	ended := make(chan struct{})
	m.ended = ended
	go func() {
		_ = execute("docker", "wait", m.container) // how it ended is the fault's business
		close(ended)
	}()
}

func (m *member) signalContainer(s syscall.Signal) error {
	return execute("docker", "kill", "--signal", fmt.Sprint(int(s)), m.container)
}

// allowed says whether the target can suffer all these faults.
func (o options) allowed(chosen []fault) error {
	for _, f := range chosen {
		if o.target == compose && !slices.Contains(onContainers, f.name) {
			return fmt.Errorf("%q can't be made to containers: choose among %s", f.name,
				strings.Join(onContainers, ", "))
		}
	}
	return nil
}
