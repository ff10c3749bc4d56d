// Package script runs Lua scripts for a server that speaks Redis's protocol: what they find there (redis.call and the
// rest of the API, the libraries, what is kept from them), how replies become values of Lua and values become replies,
// and how errors are told.
//
// It knows no command and no data. Whoever has them hands in a Host, which runs one command at a time and answers its
// reply as bytes. A Runner runs scripts one after the other; all of it is guarded by the lock under which the host
// executes.
//
//	cache.go    the scripts that are known, by their SHA1
//	flags.go    the first line of a script, "#!lua flags=…"
//	runner.go   running one
//	sandbox.go  what a script finds, and doesn't
//	api.go      redis.call and the other functions of the table redis
//	values.go   from a reply to values of Lua
//	library.go  libraries of functions; register.go is how they say which there are
//	reply.go    from values of Lua to a reply
//
// Invariants:
//   - nothing of one script is left for the next, but the seed of math.random and how cjson is set up. So what a script
//     was given (its arguments, short strings and tables of replies) is recycled when it ends;
//   - strings that leave a script are copied.
//
// Begin with Runner.
package script
