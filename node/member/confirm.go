package member

import (
	"holdfast/cluster"
	"holdfast/resp"
)

// The refusals of a replica's question whether its epoch stands.
const (
	errNoConfirmation = resp.Error("STALEEPOCH this node is not the master of a chain that you are in")
	errDraining       = resp.Error("STALEEPOCH a handover is under way, ask again")
)

// MayConfirm judges the question of a member whether the epoch still stands, which both are in. With no error the
// answer is yes, once a marker that is appended now is committed: then every member of the chain has been in that epoch
// since. awaits says that this node's commit point is the chain's.
func (p *Place) MayConfirm(from cluster.Member, awaits bool, d Drain) error {
	switch {
	case !p.Master || p.Group.Position(from) < 0 || !awaits:
		return errNoConfirmation
	case d.Holds():
		return errDraining // another member may be given this log as it is
	}
	return nil
}
