// Command gopherlua runs a Lua script with gopher-lua, and says how much processor time that took. It is a module of
// its own, so that nothing else depends on that library. What is said of ../luarun holds here too.
package main
