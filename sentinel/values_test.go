package sentinel

import (
	"fmt"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

func member(name string, start int) cluster.Member {
	return cluster.Member{Name: name, Incarnation: fmt.Sprintf("%s%d", name, start), Addr: name + ":6379"}
}

func settings() cluster.Settings {
	return cluster.Settings{DownAfterMs: 1000, FailoverTimeoutMs: 10000, Quorum: 2, ParallelSyncs: 1}
}

// seenAt is the sighting of a member that understands a level, heard just now.
func seenAt(m cluster.Member, level, needs cluster.Level) plan.Sighting {
	return plan.Sighting{Heartbeat: cluster.Heartbeat{Group: "g", Member: m, Level: level, Needs: needs}}
}
