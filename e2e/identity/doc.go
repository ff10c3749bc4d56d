// Package identity runs real members who lose their directories, move to other addresses, are copied or told to join
// another installation, and who have no place or descriptor left for anybody. Everything is in its tests. Servers are
// started and ended by internal/servers.
package identity
