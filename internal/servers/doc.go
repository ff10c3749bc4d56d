// Package servers runs real servers for tests, redis-server and this tree's holdfast, each as a process of its own that
// ends with the test.
//
// Only tests import it, and it imports internal/process only. Begin with servers.go: Redis and Holdfast start a server
// that stands alone. up.go runs a whole group, member.go starts members of one, commit.go builds a program of an
// earlier feature level.
package servers
