package store

// What DEBUG DIGEST of redis-server 7.0.15 answered in TestDigestIsRediss.
const (
	digestOne  = "d2ab4820c1be0580ea28efbfe8bfa1dc05bb802a"
	digestFour = "e55db0533860d57f2e321df622ff231683cf5eb9"
)
