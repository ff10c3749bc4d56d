// Package membership is how the members of a group, nodes and sentinels, prove to each other that they are members.
// They share one secret, the group-key. It seeds a small certification authority, the same at all of them; each issues
// itself a certificate that says who it is, and mutual TLS (crypto/tls) does the rest. Nothing here is cryptography of
// our own.
//
// Lines between sentinels, and from nodes to sentinels, stay in TLS: see Member.Client and Member.Accept. A link of the
// chain begins with the same handshake and then goes on in the clear: see Member.Prove and Member.Check.
//
// It imports nothing of Holdfast but internal/rules, and knows no addresses, epochs or commands. Begin with group.go
// (the key and what follows from it), then member.go (one member's two ends of a connection), conn.go and policy.go.
package membership
