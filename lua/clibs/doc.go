// Package clibs has four libraries that programs of Lua 5.1 commonly find beside the standard ones, for package lua:
// cjson 2.1.0, cmsgpack 0.4.0, struct 0.2 and bit 1.0.2. In C they are Mark Pulford's, Salvatore Sanfilippo's, Roberto
// Ierusalimschy's and Mike Pall's; here they read, write and complain as those do. What they do that one may wish for
// otherwise is kept: JSON numbers have 14 digits, "/" is escaped, and an empty table is an object.
//
// The notices of the C libraries, which these follow closely, are in LICENSE-clibs.
//
// Each file is one library, but for JSON, which has one for each direction.
package clibs

import "holdfast/lua"

// Open opens all four as global variables.
func Open(l *lua.State) {
	OpenJSON(l)
	OpenMsgpack(l)
	OpenStruct(l)
	OpenBit(l)
}
