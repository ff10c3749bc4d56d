package programs

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"holdfast/internal/servers"
)

// TestDjangoIncr: django-redis's incr(), a script, loses no increment. One without an answer may count or not.
func TestDjangoIncr(t *testing.T) {
	needs(t, "python3-django-redis", python, "-c", "import django_redis")
	g := servers.Up(t)
	c := start(t, unpacked(t), []string{"SENTINELS=" + strings.Join(g.Sentinels(), ",")}, python, "django_incr.py")
	c.waits("counted", 1200)
	g.KillFirst()
	c.waits("counted", len(c.said("counted"))+300)
	c.end()
	counted, failed := len(c.said("counted")), len(c.said("failed"))
	value, err := strconv.Atoi(strings.Join(c.said("value"), " "))
	if err != nil || value < counted || value > counted+failed {
		t.Errorf("%d were counted, %d got no answer, and the value is %d, %v", counted, failed, value, err)
	}
	t.Logf("%d were counted, %d got no answer, and the value is %d", counted, failed, value)
}

// TestPHPSessions: requests that use one session at a time lose nothing of what another has written.
func TestPHPSessions(t *testing.T) {
	needs(t, "php-cli and php-redis", "php", "-r", `exit(extension_loaded("redis") ? 0 : 1);`)
	g := servers.Up(t)
	dir := unpacked(t)
	host, port, err := net.SplitHostPort(front(t, g.Sentinels()))
	if err != nil {
		t.Fatal(err)
	}
	const processes, times = 4, 100
	var clients []*client
	for range processes {
		clients = append(clients, start(t, dir, nil, "php", "php_sessions.php", host, port, strconv.Itoa(times)))
	}
	counted := map[string]bool{}
	for _, c := range clients {
		c.end()
		for _, n := range c.said("counted") {
			counted[n] = true
		}
	}
	if len(counted) != processes*times {
		t.Errorf("%d requests came to %d numbers", processes*times, len(counted))
	}
}
