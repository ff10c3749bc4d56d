package member

import (
	"cmp"
	"fmt"
	"log/slog"
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

// KeyNeeded is why a node of a group does not start without a group-key, if so.
func KeyNeeded(s *config.Config) error {
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

// Proof is what a node proves to other members with that it is one of the group.
type Proof struct {
	Keys   *membership.Group  // nil: members prove nothing
	Member *membership.Member // likewise
}

// NewProof is that of a node of a group.
func NewProof(settings *config.Config, name string, logger *slog.Logger) (p Proof, err error) {
	secret := groupSecret(settings)
	if secret == "" {
		return Proof{}, nil
	}
	if settings.GroupKey() == "" {
		logger.Warn(membership.PasswordWarning)
	}
	if p.Keys, err = membership.Derive(secret); err != nil {
		return Proof{}, err
	}
	p.Member, err = p.Keys.Member(membership.Peer{Kind: membership.Node, Name: name})
	return p, err
}

// Warn says every hour that strangers are taken for members, if they are, until stopped is closed.
func Warn(settings *config.Config, logger *slog.Logger, stopped <-chan struct{}) {
	if _, ok := exposed(settings); !ok || groupSecret(settings) != "" {
		return
	}
	hour := time.NewTicker(time.Hour)
	defer hour.Stop()
	for {
		logger.Warn(membership.InsecureWarning)
		select {
		case <-hour.C:
		case <-stopped:
			return
		}
	}
}

// Proven refuses what only the member m may say, unless m has proven that the connection is its own.
func (p Proof) Proven(s *session.Session, m cluster.Member) error {
	switch {
	case !rules.ProofToNode || p.Member == nil:
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
