package sentinel

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"holdfast/resp"
)

// infoSections are the sections of INFO on a sentinel, in order.
var infoSections = []struct {
	name  string
	write func(*call, *strings.Builder)
}{
	{"server", infoServer},
	{"clients", infoClients},
	{"stats", infoStats},
	{"sentinel", infoSentinel},
}

// info is the text of INFO: all sections, or those asked for.
func info(c *call, args [][]byte, w *resp.Writer) error {
	all := len(args) == 1
	wanted := map[string]bool{}
	for _, arg := range args[1:] {
		name := strings.ToLower(string(arg))
		all = all || name == "all" || name == "everything" || name == "default"
		wanted[name] = true
	}
	var text strings.Builder
	for _, section := range infoSections {
		if !all && !wanted[section.name] {
			continue
		}
		if text.Len() > 0 {
			text.WriteString("\r\n")
		}
		section.write(c, &text)
	}
	w.Verbatim("txt", text.String())
	return nil
}

func infoServer(c *call, b *strings.Builder) {
	_, port := splitAddr(c.addr)
	up := c.now().Sub(c.started)
	fmt.Fprintf(b, "# Server\r\nredis_version:%s\r\nredis_mode:sentinel\r\nos:%s %s\r\narch_bits:64\r\ngo_version:%s\r\n"+
		"process_id:%d\r\nrun_id:%s\r\ntcp_port:%s\r\nuptime_in_seconds:%d\r\nuptime_in_days:%d\r\nhz:10\r\n",
		redisVersion, runtime.GOOS, runtime.GOARCH, runtime.Version(), os.Getpid(), c.id, port,
		int64(up.Seconds()), int64(up.Hours()/24))
}

func infoClients(c *call, b *strings.Builder) {
	fmt.Fprintf(b, "# Clients\r\nconnected_clients:%d\r\nblocked_clients:0\r\n", len(c.allLinks()))
}

func infoStats(c *call, b *strings.Builder) {
	fmt.Fprintf(b, "# Stats\r\ntotal_connections_received:%d\r\ntotal_commands_processed:%d\r\n", c.accepted(), c.commands.Load())
}

func infoSentinel(c *call, b *strings.Builder) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := c.state.names()
	fmt.Fprintf(b, "# Sentinel\r\nsentinel_masters:%d\r\nsentinel_tilt:0\r\nsentinel_tilt_since_seconds:-1\r\nsentinel_running_scripts:0\r\n"+
		"sentinel_scripts_queue_length:0\r\nsentinel_simulate_failure_flags:0\r\n", len(groups))
	for i, name := range groups {
		l, ok := c.find(name, now)
		if !ok {
			continue
		}
		status := "ok"
		switch {
		case l.odown || !l.sure:
			status = "odown"
		case l.sdown:
			status = "sdown"
		}
		fmt.Fprintf(b, "master%d:name=%s,status=%s,address=%s,slaves=%d,sentinels=%d\r\n",
			i, name, status, l.master.Addr, len(l.replicas), len(l.others)+1)
	}
}
