// Command luarun runs the Lua script on its standard input with the package lua, and prints how much processor time
// that took, in nanoseconds, with Go's collector and without compiling. A script finds redis.call, which does nothing.
// The bench compares it with ../gopherlua: both are built without a profile, and both run one script each time.
package main
