package sentinel

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"holdfast/resp"
	"holdfast/sentinel/plan"
)

var sentinelRows = []row{{
	Name: "sentinel", Arity: -2, Flags: resp.Admin | resp.OnlySentinel | resp.Sentinel, Group: "sentinel",
	Since:   "2.8.4",
	Summary: "A container for Sentinel commands", Sub: sentinelSub,
}}

// sub is a row of the SENTINEL family.
func sub(name string, arity int, since, summary, syntax string, run func(*call, [][]byte, *resp.Writer) error) row {
	return row{
		Name: name, Arity: arity, Flags: resp.Admin | resp.OnlySentinel | resp.Sentinel,
		Since: since, Summary: summary, Syntax: syntax, Run: run,
	}
}

var sentinelSub = []row{
	sub("get-master-addr-by-name", 3, "2.8.4", "Get port and address of a master", "master-name", getMasterAddr),
	sub("masters", 2, "2.8.4", "List the monitored masters", "", masters),
	sub("master", 3, "2.8.4", "Shows the state of a master", "master-name", oneMaster),
	sub("replicas", 3, "5.0.0", "List the monitored replicas", "master-name", replicas),
	sub("slaves", 3, "2.8.0", "List the monitored slaves", "master-name", replicas),
	sub("sentinels", 3, "2.8.4", "List the Sentinel instances", "master-name", sentinels),
	sub("ckquorum", 3, "2.8.4", "Check for a Sentinel quorum", "master-name", ckquorum),
	sub("failover", -3, "2.8.4", "Hand the master's role over to a replica",
		"master-name [COORDINATED] [FORCE] [replica]", failover),
	sub("is-master-down-by-addr", 6, "2.8.4", "Check if a master is down", "ip port current-epoch runid", isMasterDown),
	sub("monitor", 6, "2.8.4", "Start monitoring", "name ip port quorum", monitor),
	sub("remove", 3, "2.8.4", "Stop monitoring", "master-name", remove),
	sub("set", -5, "2.8.4", "Change the configuration of a monitored master", "master-name (option value)...",
		setOptions),
	sub("reset", 3, "2.8.4", "Reset masters by name pattern", "pattern", resetMasters),
	sub("flushconfig", 2, "2.8.4", "Rewrite configuration file", "", okay),
	sub("myid", 2, "6.2.0", "Get the Sentinel instance ID", "", myID),
	sub("config", -3, "6.2.0", "Configure Sentinel", "", config),
	sub("info-cache", -3, "3.2.0", "Get cached INFO from the instances in the deployment", "", infoCache),
	sub("pending-scripts", 2, "2.8.4", "Get information about pending scripts", "", emptyArray),
	sub("debug", -2, "7.0.0", "List or update the current configurable parameters", "", debug),
	sub("simulate-failure", -3, "3.2.0", "Simulate failover scenarios", "", simulateFailure),
	sub("help", 2, "2.8.4", "Show helpful text about the different subcommands", "", sentinelHelp),
}

// lookup finds the group that args name, or fails in Redis's words.
func (c *call) lookup(name []byte) (lookup, error) {
	l, ok := c.find(string(name), c.now())
	if !ok {
		return l, errNoSuchGroup
	}
	return l, nil
}

func getMasterAddr(c *call, args [][]byte, w *resp.Writer) error {
	c.settled(c.ctx, string(args[2]))
	c.mu.Lock()
	l, err := c.lookup(args[2])
	c.mu.Unlock()
	if err != nil || !l.sure {
		w.NullArray()
		return nil
	}
	host, port := splitAddr(l.master.Addr)
	w.Array(2)
	w.BulkString(host)
	w.BulkString(port)
	return nil
}

func masters(c *call, _ [][]byte, w *resp.Writer) error {
	c.settled(c.ctx)
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []fields
	for _, name := range c.state.Names() {
		if l, ok := c.find(name, now); ok {
			list = append(list, c.masterFields(l, now))
		}
	}
	writeAll(w, list)
	return nil
}

func writeAll(w *resp.Writer, list []fields) {
	w.Array(len(list))
	for _, f := range list {
		f.write(w)
	}
}

func oneMaster(c *call, args [][]byte, w *resp.Writer) error {
	c.settled(c.ctx, string(args[2]))
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := c.lookup(args[2])
	if err != nil {
		return err
	}
	c.masterFields(l, c.now()).write(w)
	return nil
}

func replicas(c *call, args [][]byte, w *resp.Writer) error {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := c.lookup(args[2])
	if err != nil {
		return err
	}
	var list []fields
	for _, r := range l.replicas {
		list = append(list, c.replicaFields(l, r, now))
	}
	writeAll(w, list)
	return nil
}

func sentinels(c *call, args [][]byte, w *resp.Writer) error {
	present := c.gossip.Peers()
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := c.lookup(args[2])
	if err != nil {
		return err
	}
	var list []fields
	for _, p := range l.others {
		here := slices.ContainsFunc(present, func(o peer) bool { return o.ID == p.ID })
		list = append(list, c.sentinelFields(l, p, here))
	}
	writeAll(w, list)
	return nil
}

// ckquorum counts the sentinels that are there, and whose disks take writes. Decisions always take a majority, whatever
// the quorum setting says.
func ckquorum(c *call, args [][]byte, w *resp.Writer) error {
	present := c.gossip.Peers()
	c.mu.Lock()
	_, err := c.lookup(args[2])
	voters := c.state.Voters
	c.mu.Unlock()
	if err != nil {
		return err
	}
	usable := 0
	for _, v := range voters {
		if v.ID == c.id && !c.disk.isFull() ||
			slices.ContainsFunc(present, func(p peer) bool { return p.ID == v.ID && !p.DiskFull }) {
			usable++
		}
	}
	if usable < plan.Majority(len(voters)) || !c.quorum.inTouch() {
		return resp.Error(fmt.Sprintf("NOQUORUM %d usable Sentinels. Not enough available Sentinels to reach the "+
			"majority and authorize a failover", usable))
	}
	text := fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", usable)
	if advice := Survival(len(voters)); advice != "" {
		text += ". " + advice
	}
	w.Simple(text)
	return nil
}

func failover(c *call, args [][]byte, w *resp.Writer) error {
	target, force := "", false
	for _, arg := range args[3:] {
		switch {
		case strings.EqualFold(string(arg), "force"):
			force = true
		case !strings.EqualFold(string(arg), "coordinated"): // every handover is
			target = string(arg)
		}
	}
	if force && target == "" {
		return resp.Error("ERR FORCE needs the node that is to lead")
	}
	c.mu.Lock()
	_, err := c.lookup(args[2])
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.onLeader(args, w, func() error {
		if force {
			cost, err := c.force(c.ctx, string(args[2]), target)
			if err != nil {
				return err
			}
			if cost == "" {
				cost = "nothing that is known of"
			}
			w.Simple("OK " + target + " leads. Lost for good may be: " + cost)
			return nil
		}
		if err := c.askHandover(string(args[2]), target); err != nil {
			return err
		}
		w.OK()
		return nil
	})
}

// isMasterDown answers sentinels of Redis, which have no vote here: what this one thinks, and no leader.
func isMasterDown(c *call, args [][]byte, w *resp.Writer) error {
	for _, number := range args[3:5] {
		if _, ok := resp.ParseInt(number); !ok {
			return resp.ErrNotInteger
		}
	}
	addr := net.JoinHostPort(string(args[2]), string(args[3]))
	now := c.now()
	c.mu.Lock()
	down := int64(0)
	for _, name := range c.state.Names() {
		if l, ok := c.find(name, now); ok && l.master.Addr == addr && l.sdown {
			down = 1
		}
	}
	c.mu.Unlock()
	w.Array(3)
	w.Int(down)
	w.BulkString("*")
	w.Int(0)
	return nil
}

func resetMasters(c *call, args [][]byte, w *resp.Writer) error {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int64(0)
	for _, name := range c.state.Names() {
		if resp.Match(args[2], []byte(name), false) {
			n++
			// What was agreed on stays: it is not learned from the nodes, so there is nothing to learn again.
			delete(c.alarms, name)
			g := c.state.Groups[name]
			c.watch(name, now).forget(g, now, plan.DownAfter(g.Settings))
			c.front.publish("+reset-master", masterPayload(name, c.masterAddr(name)))
		}
	}
	w.Int(n)
	return nil
}

func okay(_ *call, _ [][]byte, w *resp.Writer) error {
	w.OK() // the state is on disk before anything answers
	return nil
}

func emptyArray(_ *call, _ [][]byte, w *resp.Writer) error {
	w.Array(0)
	return nil
}

// debug has no parameters: what they set in Redis is not timed by a sentinel here.
func debug(_ *call, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 {
		return resp.Error("ERR Unknown option or number of arguments for SENTINEL DEBUG '" + resp.Text(args[2]) + "'")
	}
	w.Array(0)
	return nil
}

func myID(c *call, _ [][]byte, w *resp.Writer) error {
	w.BulkString(c.id)
	return nil
}

func simulateFailure(_ *call, args [][]byte, w *resp.Writer) error {
	if resp.IsWord(args[2], "help") {
		w.Array(2)
		w.BulkString("crash-after-election")
		w.BulkString("crash-after-promotion")
		return nil
	}
	return resp.Error("ERR Unknown failure simulation specified")
}

// infoCache has nothing: sentinels get heartbeats and never ask nodes for INFO.
func infoCache(_ *call, _ [][]byte, w *resp.Writer) error {
	w.Array(0)
	return nil
}

func sentinelHelp(_ *call, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "SENTINEL",
		"CKQUORUM <master-name>",
		"    Check if the current Sentinel configuration can reach the majority needed",
		"    to failover a master and to authorize it.",
		"CONFIG GET <param>",
		"    Get the value of a global Sentinel parameter.",
		"FAILOVER <master-name> [COORDINATED] [<replica>]",
		"    Hand over to the next replica of the chain, or to the one named, without losing a write.",
		"FAILOVER <master-name> FORCE <node>",
		"    When no member of the chain is left: make that node lead, and lose what only the others had.",
		"GET-MASTER-ADDR-BY-NAME <master-name>",
		"    Return the ip and port number of the master with that name.",
		"MASTER <master-name>",
		"    Show the state and info of the specified master.",
		"MASTERS",
		"    Show a list of monitored masters and their state.",
		"MONITOR <name> <ip> <port> <quorum>",
		"    Take a group into care; its nodes announce themselves.",
		"MYID",
		"    Return the ID of the Sentinel instance.",
		"REMOVE <master-name>",
		"    Stop deciding about a group.",
		"REPLICAS <master-name>",
		"    Show a list of replicas for this master and their state.",
		"RESET <pattern>",
		"    Report masters for specific master name matching this pattern anew.",
		"SENTINELS <master-name>",
		"    Show a list of Sentinel instances for this master and their state.",
		"SET <master-name> <option> <value> [<option> <value> ...]",
		"    Set configuration parameters for certain masters.",
	)
	return nil
}
