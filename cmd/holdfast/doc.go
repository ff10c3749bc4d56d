// Command holdfast runs the programs of a Holdfast group: data nodes, sentinels, and the tools around them.
//
// It is the one place that knows the machine: here are flags, files, signals, listening sockets, locks on directories
// and exit codes. All of these are handed to the packages below, which never reach for them themselves. Nothing imports
// this package; it may import everything but e2e and what is made for tests.
//
// Begin with main.go, which lists the subcommands; each has a file of its own. node.go and sentinel.go put a member
// together, in the order in which it starts, and end it in the reverse order. up.go runs a whole group as child
// processes.
package main
