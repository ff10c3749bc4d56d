package membership

import (
	"fmt"
	"net"
	"strings"
)

// Exposed is the first of some hosts that other machines can reach, or might: a group whose members are all on loopback
// trusts whoever is on this machine. An empty host is every address.
func Exposed(hosts ...string) (host string, exposed bool) {
	for _, h := range hosts {
		h = strings.TrimPrefix(h, "-")
		if ip := net.ParseIP(h); strings.EqualFold(h, "localhost") || ip != nil && ip.IsLoopback() {
			continue
		}
		if h == "" {
			h = "every address"
		}
		return h, true
	}
	return "", false
}

// KeyNeeded is why a member does not start without a group-key.
func KeyNeeded(host string) error {
	return fmt.Errorf("other machines may reach this member at %s, and nothing tells members from strangers: give "+
		"all members the same group-key "+
		"(holdfast group-key prints a new one), or have all of them bind and announce loopback only; insecure-group "+
		"yes goes on without", host)
}

// InsecureWarning is what a member that goes on without a key says, now and then.
const InsecureWarning = "insecure-group: this member takes whoever reaches its ports for a member of its group, who " +
	"can then read, change and " +
	"delete everything; give all members the same group-key (holdfast group-key prints a new one)"

// PasswordWarning is what a member says that has only a password to prove itself with.
const PasswordWarning = "the sentinels' password stands in for the group-key: give all members a group-key instead " +
	"(holdfast group-key prints a new " +
	"one), as whoever knows the password can be a member, and passwords can be guessed"
