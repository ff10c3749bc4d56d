// Package resp is the door for clients that speak Redis's protocol: it cuts the bytes of their connections into
// commands, has the commands executed, and lets the replies leave when their gate is open.
//
//	door.go     Door, and what it is made with
//	driver.go   one client's connection: bytes in, commands; replies out
//	greet.go    a connection's first byte: a client's command, or a member's proof
//	clients.go  who is let in, and what is forgotten when a client has gone
//	execute.go  a turn: the pipelines of several clients under the execution lock
//	guests.go   who comes while another client's script runs for too long
//	gates.go    what a reply has to wait for; what the engine asks of those who wait
//
// The protocol is package resp's (the codec), what a connection is package session's, what commands do package
// command's, and what a turn is package engine's. Other doors can stand beside this one: what they share is below.
//
// Begin with Door.Serve and driver.loop, then Door.run.
package resp
