package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/internal/rules"
)

// An installation is all that one quorum of sentinels governs: these and the nodes of their groups. Its id, 40 hex
// digits, is drawn when the sentinels begin their log, and kept by every member in its directory, so that one which is
// told to --join another installation's members by mistake is refused by them, and refuses them. Who has no id yet is
// new, and belongs to the installation that takes it in.
//
// memberlist's labels are not used for it: they drop what bears another without a word to anybody, and can't be changed
// while a member runs, so a new member could never learn its own.

// ForeignError says that somebody belongs to another installation.
type ForeignError struct {
	Who    string // kind and name, or address, of the other
	Theirs string // the other's installation
	Ours   string
}

// Error names both ids, and what to do.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is of installation %s, this is %s: one of the two has a wrong --join", e.Who, e.Theirs,
		e.Ours)
}

// Foreign is the error for a member of another installation, nil when theirs may be ours.
func Foreign(who, theirs, ours string) error {
	if !rules.TellInstallations || theirs == "" || ours == "" || theirs == ours {
		return nil
	}
	return &ForeignError{Who: who, Theirs: theirs, Ours: ours}
}

// foreign says whether two members must not know each other. Sentinels that have begun and have no group yet may still
// take over the id that nodes bring, whose sentinels were lost; so such two are let together.
func (n Node) foreign(o Node) bool {
	adoptable := func(a, b Node) bool { return a.Tentative && b.Kind == "node" }
	return Foreign(o.id(), o.Installation, n.Installation) != nil && !adoptable(n, o) && !adoptable(o, n)
}

// DrawnName makes a node's name from random hex digits.
func DrawnName(digits string) string { return drawnPrefix + digits }

const drawnPrefix = "node-"

// Label is what people are shown of a member: the name that somebody gave it, else where it is.
func (m Member) Label() string {
	if strings.HasPrefix(m.Name, drawnPrefix) && m.Addr != "" {
		return m.Addr
	}
	return m.Name
}

// Installations are the ids that the members who are there bear, this one's included, in order.
func (g *Gossip) Installations() []string {
	ids := map[string]bool{}
	for _, n := range g.Members() {
		if n.Installation != "" {
			ids[n.Installation] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}
