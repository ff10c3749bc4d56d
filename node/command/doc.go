// Package command is what a data node's commands do: a table of rows, and a function for each.
//
// A row says everything about a command but what it does: name, arity, flags, keys, feature level, documentation
// (resp.Command). A file for each family has its rows first, then its functions in the same order; Rows in table.go
// lists the families. Execute (execute.go) is the one way in: it looks the row up, decides whether the client may call
// it now (access.go, admit.go), queues it in a transaction or runs it, and hands what it changed to watchers, blocked
// clients, tracking and keyspace events.
//
// A function gets a Context (context.go) and its arguments, reads and changes values through Context.DB, and writes its
// reply. It must not know connections, the chain or the disk; what it has to ask of them is in the interfaces
// Replication and Persistence. What it changed goes into the log as effects (effects.go): the command itself, if every
// replica that executes it comes to the same, else what it came to.
//
// It may import what is below it, as store, session and persist, but not the node: see internal/archtest. Everything
// here runs under the node's execution lock.
//
// Its size: some 200 commands, a file for each family. Families share Context and the table and nothing else; a package
// for each would have to export both, and be no easier to find.
//
// Begin with strings.go, the simplest family, then execute.go. docs/extending.md says how a command is added.
package command
