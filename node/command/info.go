package command

import (
	"fmt"
	"strings"

	"holdfast/resp"
)

// infoRows is INFO.
var infoRows = []Command{{
	Name: "info", Arity: -1, Flags: always | resp.Sentinel, Categories: resp.CatDangerous, Group: "server",
	Since:      "1.0.0",
	Complexity: "O(1)", Summary: "Describes the state of the server.", Syntax: "[section...]",
	Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
	History: [][2]string{{"7.0.0", "Takes several sections."}}, Run: info,
}}

// infoSection is a section of INFO, written by its function.
type infoSection struct {
	name   string
	title  string
	byWish bool // only when it, all or everything is asked for
	write  func(c *Context, r *report)
}

var infoSections = []infoSection{
	{"server", "Server", false, infoServer},
	{"clients", "Clients", false, infoClients},
	{"memory", "Memory", false, infoMemory},
	{"persistence", "Persistence", false, infoPersistence},
	{"stats", "Stats", false, infoStats},
	{"replication", "Replication", false, infoReplication},
	{"cpu", "CPU", false, infoCPU},
	{"modules", "Modules", false, func(*Context, *report) {}},
	{"commandstats", "Commandstats", true, infoCommandStats},
	{"errorstats", "Errorstats", false, infoErrorStats},
	{"latencystats", "Latencystats", true, infoLatencyStats},
	{"cluster", "Cluster", false, infoCluster},
	{"keyspace", "Keyspace", false, infoKeyspace},
}

// report collects INFO's lines.
type report struct{ text strings.Builder }

func (r *report) add(field string, value any) { fmt.Fprintf(&r.text, "%s:%v\r\n", field, value) }

func (r *report) addf(field, format string, values ...any) {
	fmt.Fprintf(&r.text, "%s:"+format+"\r\n", append([]any{field}, values...)...)
}

// flag writes a truth as 1 or 0.
func (r *report) flag(field string, set bool) {
	if set {
		r.add(field, 1)
	} else {
		r.add(field, 0)
	}
}

// zeros writes fields about what this server does not do, which readers of INFO expect to be there.
func (r *report) zeros(fields ...string) {
	for _, f := range fields {
		r.add(f, 0)
	}
}

// bytes writes a number of bytes, and once more for people.
func (r *report) bytes(field string, n int64) {
	r.add(field, n)
	r.add(field+"_human", humanBytes(n))
}

// humanBytes is n with two decimals and a unit.
func humanBytes(n int64) string {
	if n < 1<<10 {
		return itoa(n) + "B"
	}
	size := float64(n)
	for _, unit := range "KMGTP" {
		if size /= 1 << 10; size < 1<<10 || unit == 'P' {
			return fmt.Sprintf("%.2f%c", size, unit)
		}
	}
	return "" // the loop always returns at P
}

func info(c *Context, args [][]byte, w *resp.Writer) error {
	w.Verbatim("txt", c.Info(args[1:]...))
	return nil
}

// Info is the text of INFO for these sections; for none the default ones.
func (c *Context) Info(sections ...[]byte) string {
	wanted := map[string]bool{}
	for _, s := range sections {
		wanted[strings.ToLower(cText(s))] = true
	}
	every := wanted["all"] || wanted["everything"]
	usual := wanted["default"] || len(sections) == 0
	if wanted["module_list"] {
		wanted["modules"] = true
	}
	var r report
	for _, s := range infoSections {
		if !every && !wanted[s.name] && (s.byWish || !usual) {
			continue
		}
		if r.text.Len() > 0 {
			r.text.WriteString("\r\n")
		}
		r.text.WriteString("# " + s.title + "\r\n")
		s.write(c, &r)
	}
	return r.text.String()
}
