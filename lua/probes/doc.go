// Package probes makes a script of probes: lines of Lua, of which the script prints what each returns or raises. The
// tests of lua and of lua/clibs run it here and in the originals, and compare.
//
// Only tests import it; it imports nothing of the project.
package probes
