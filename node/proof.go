package node

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
	"holdfast/membership"
	"holdfast/node/config"
	"holdfast/resp"
	"holdfast/server/session"
)

// groupSecret is what the members of a node's group prove themselves with.
func groupSecret(s *config.Config) string { return cmp.Or(s.GroupKey(), s.SentinelAuthPass()) }

// exposed is where other machines can reach a node, if they can.
func exposed(s *config.Config) (host string, ok bool) {
	hosts := s.Bind()
	if ip := s.AnnounceIP(); ip != "" {
		hosts = append(hosts, ip)
	}
	return membership.Exposed(hosts...)
}

// keyNeeded is why a node of a group does not start without a group-key, if so.
func keyNeeded(s *config.Config) error {
	if len(s.Join()) == 0 || groupSecret(s) != "" || s.InsecureGroup() {
		return nil
	}
	if host, ok := exposed(s); ok {
		return membership.KeyNeeded(host)
	}
	if s.RequirePass() != "" || s.MasterAuth() != "" {
		return fmt.Errorf("a member of a group that has a password needs a group-key as well, so that the password " +
			"is not told to strangers: " +
			"give all members the same (holdfast group-key prints a new one); insecure-group yes goes on without")
	}
	return nil
}

// prove makes what this node proves itself with.
func (n *Node) prove() (err error) {
	secret := groupSecret(n.settings)
	if !n.grouped() || secret == "" {
		return nil
	}
	if n.settings.GroupKey() == "" {
		n.logger.Warn(membership.PasswordWarning)
	}
	if n.keys, err = membership.Derive(secret); err != nil {
		return err
	}
	n.proof, err = n.keys.Member(membership.Peer{Kind: membership.Node, Name: n.self.Name})
	return err
}

// warn says every hour that strangers are taken for members, if they are.
func (n *Node) warn() {
	if _, ok := exposed(n.settings); !ok || groupSecret(n.settings) != "" {
		return
	}
	hour := time.NewTicker(time.Hour)
	defer hour.Stop()
	for {
		n.logger.Warn(membership.InsecureWarning)
		select {
		case <-hour.C:
		case <-n.stopped:
			return
		}
	}
}

// proveTo has another node of the group and this one prove who they are.
func (n *Node) proveTo(ctx context.Context, conn net.Conn, to cluster.Member) error {
	return n.proof.Prove(ctx, conn, membership.Peer{Kind: membership.Node, Name: to.Name})
}

// proven refuses what only the member m may say, unless m has proven that the connection is its own.
func (n *Node) proven(s *session.Session, m cluster.Member) error {
	switch {
	case !rules.ProofToNode || n.proof == nil:
		return nil
	case s.Member == "":
		return errNoProof
	case s.Member != m.Name:
		return resp.Error(fmt.Sprintf("NOPROOF this connection is one of %s, which can't speak for %s", s.Member,
			m.Name))
	}
	return nil
}

const errNoProof = resp.Error("NOPROOF only members of the group may say this, who prove themselves with its group-key")
