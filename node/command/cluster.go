package command

import "holdfast/resp"

const errNoCluster = resp.Error("ERR This instance has cluster support disabled")

// withoutCluster answers everything about Redis Cluster: there is none here, and clients that probe for it can tell.
func withoutCluster(*Context, [][]byte, *resp.Writer) error { return errNoCluster }

// clusterRow is CLUSTER, known so that clients get the refusal that they expect.
var clusterRow = Command{
	Name: "cluster", Arity: -2, Group: "cluster", Since: "3.0.0", Complexity: "O(1)",
	Summary: "Belongs to Redis Cluster, which this server has no part in.", Sub: clusterSubs(),
}

func clusterSubs() []Command {
	const (
		change = resp.Admin | resp.Stale | resp.NoAsyncLoading
		admin  = resp.Admin | resp.Stale
		read   = resp.Stale
	)
	var subs []Command
	for _, s := range []struct {
		name     string
		arity    int
		flags    resp.Flag
		since    string
		unstable bool // its output is not deterministic
	}{
		{"addslots", -3, change, "3.0.0", false},
		{"addslotsrange", -4, change, "7.0.0", false},
		{"bumpepoch", 2, change, "3.0.0", true},
		{"count-failure-reports", 3, admin, "3.0.0", true},
		{"countkeysinslot", 3, read, "3.0.0", false},
		{"delslots", -3, change, "3.0.0", false},
		{"delslotsrange", -4, change, "7.0.0", false},
		{"failover", -2, change, "3.0.0", false},
		{"flushslots", 2, change, "3.0.0", false},
		{"forget", 3, change, "3.0.0", false},
		{"getkeysinslot", 4, read, "3.0.0", true},
		{"help", 2, always, "5.0.0", false},
		{"info", 2, read, "3.0.0", true},
		{"keyslot", 3, read, "3.0.0", false},
		{"links", 2, read, "7.0.0", true},
		{"meet", -4, change, "3.0.0", false},
		{"myid", 2, read, "3.0.0", false},
		{"nodes", 2, read, "3.0.0", true},
		{"replicas", 3, admin, "5.0.0", true},
		{"replicate", 3, change, "3.0.0", false},
		{"reset", -2, admin | resp.NoScript, "3.0.0", false},
		{"saveconfig", 2, change, "3.0.0", false},
		{"set-config-epoch", 3, change, "3.0.0", false},
		{"setslot", -4, change, "3.0.0", false},
		{"shards", 2, read, "7.0.0", true},
		{"slaves", 3, admin, "3.0.0", true},
		{"slots", 2, read, "3.0.0", true},
	} {
		row := Command{
			Name: s.name, Arity: s.arity, Flags: s.flags, Since: s.since, Complexity: "O(1)",
			Summary: "Belongs to Redis Cluster, which this server has no part in.", Run: withoutCluster,
		}
		if s.unstable {
			row.Tips = []string{"nondeterministic_output"}
		}
		switch s.name {
		case "slaves":
			row.Deprecated, row.ReplacedBy = "5.0.0", "`CLUSTER REPLICAS`"
		case "slots":
			row.Deprecated, row.ReplacedBy = "7.0.0", "`CLUSTER SHARDS`"
		}
		subs = append(subs, row)
	}
	return subs
}
