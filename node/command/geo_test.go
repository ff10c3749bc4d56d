package command

import (
	"strings"
	"testing"
)

const sicily = "geoadd Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"

// TestGeo: replies are those of redis-server 7.0.15.
func TestGeo(t *testing.T) {
	newTestEnv(t).run([]step{
		{sicily, ":2"},
		{"geoadd Sicily nx ch 13.583333 37.316667 Agrigento 1 2 Palermo", ":1"},
		{"geoadd Sicily xx 1 2 Nowhere", ":0"},
		{"geoadd Sicily nx xx 1 2 a", "-ERR syntax error"},
		{"geoadd Sicily nx ch nx", "-ERR syntax error"},
		{"geoadd Sicily 1 2 a b", "-ERR syntax error"},
		{"geoadd Sicily 200 100 a", "-ERR invalid longitude,latitude pair 200.000000,100.000000"},
		{"geoadd Sicily inf 1 a", "-ERR invalid longitude,latitude pair inf,1.000000"},
		{"geoadd Sicily x 1 a", "-ERR value is not a valid float"},
		{"geodist Sicily Palermo Catania", `"166274.1516"`},
		{"geodist Sicily Palermo Catania KM", `"166.2742"`},
		{"geodist Sicily Palermo Catania mi", `"103.3182"`},
		{"geodist Sicily Palermo Catania ft", `"545518.8700"`},
		{"geodist Sicily Palermo Palermo", `"0.0000"`},
		{"geodist Sicily Palermo nowhere", "nil"},
		{"geodist none Palermo nowhere", "nil"},
		{"geodist none Palermo nowhere parsec", "-ERR unsupported unit provided. please use M, KM, FT, MI"},
		{"geodist Sicily Palermo Catania m m", "-ERR syntax error"},
		{"geohash Sicily Palermo x Catania", `["sqc8b49rny0" nil "sqdtr74hyu0"]`},
		{"geopos Sicily Palermo x", `[["13.36138933897018433" "38.11555639549629859"] nil]`},
		{"geopos none x", `[nil]`},
		{"zscore Sicily Palermo", `"3479099956230698"`},
		{"geosearch Sicily fromlonlat 15 37 byradius 200 km", `["Agrigento" "Palermo" "Catania"]`},
		{"geosearch Sicily fromlonlat 15 37 byradius 200 km asc", `["Catania" "Agrigento" "Palermo"]`},
		{"geosearch Sicily fromlonlat 15 37 bybox 400 400 km desc count 2 withdist withhash withcoord",
			`[["Palermo" "190.4424" :3479099956230698 ["13.36138933897018433" "38.11555639549629859"]] ` +
				`["Agrigento" "130.4235" :3479030013248308 ["13.5833314061164856" "37.31666804993816555"]]]`},
		{"geosearch Sicily frommember x byradius 1 m", "-ERR could not decode requested zset member"},
		{"geosearch none frommember x byradius 1 m", "[]"},
		{"geosearch Sicily fromlonlat 15 37 fromlonlat 1 1",
			"-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch"},
		{"GEOSEARCH Sicily byradius 1 m asc asc",
			"-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"},
		{"geosearch Sicily fromlonlat 15 37 byradius 1 m any", "-ERR the ANY argument requires COUNT argument"},
		{"geosearch Sicily fromlonlat 15 37 byradius 1 m count 0", "-ERR COUNT must be > 0"},
		{"geosearch Sicily fromlonlat 15 37 byradius x m asc", "-ERR need numeric radius"},
		{"geosearch Sicily fromlonlat 15 37 byradius -1 m asc", "-ERR radius cannot be negative"},
		{"geosearch Sicily fromlonlat 15 37 bybox x 1 m asc", "-ERR need numeric width"},
		{"geosearch Sicily fromlonlat 15 37 bybox 1 x m asc", "-ERR need numeric height"},
		{"geosearch Sicily fromlonlat 15 37 bybox 1 -1 m asc", "-ERR height or width cannot be negative"},
		{"geosearch Sicily fromlonlat 15 37 byradius 1 m store x", "-ERR syntax error"},
		{"georadius Sicily 15 37 200 km count 1 any", `["Agrigento"]`},
		{"georadius Sicily 15 37 200 km count 1", `["Catania"]`},
		{"georadius_ro Sicily 15 37 200 km store x", "-ERR syntax error"},
		{"georadius Sicily 15 37 200 km store x withdist",
			"-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"},
		{"georadiusbymember Sicily Agrigento 100 km asc", `["Agrigento" "Palermo"]`},
		{"georadiusbymember none x nonsense nonsense", "[]"},
		{"georadiusbymember_ro Sicily Agrigento 100 km desc", `["Palermo" "Agrigento"]`},
		{"georadius Sicily 15 37 200 km store d storedist e", ":3"},
		{"exists d", ":0"},
		{"zrange e 0 -1 withscores",
			`["Catania" "56.441257870158204" "Agrigento" "130.42348706714702" "Palermo" "190.44242984775784"]`},
		{"geosearchstore e Sicily fromlonlat 15 37 byradius 200 km withdist",
			"-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"},
		{"geosearchstore e Sicily fromlonlat 15 37 byradius 60 km", ":1"},
		{"zrange e 0 -1 withscores", `["Catania" "3479447370796909"]`},
		{"geosearchstore e Sicily fromlonlat 100 37 byradius 60 km", ":0"},
		{"exists e", ":0"},
		{"set s x", "+OK"},
		{"geosearchstore s none fromlonlat 100 37 byradius 60 km", ":0"},
		{"exists s", ":0"},
		{"set s x", "+OK"},
		{"geopos s x", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"zadd odd -inf a 1e300 b -1 c", ":3"}, // scores that are no place
		{"geopos odd a b c", `[["180" "-85.05112751263942528"] ` +
			`["-179.99999731779098511" "-85.05112751263942528"] ["180" "85.0511287799999991"]]`},
		{"command getkeys georadius a 1 2 3 m store b storedist c", `["a" "b" "c"]`},
		{"command getkeys georadiusbymember a m 3 km STORE b", `["a" "b"]`},
	})
}

// TestGeoEffects: replicas are told places and what a search has found, in words that all versions know.
func TestGeoEffects(t *testing.T) {
	checkEffects(t, []effectCase{
		{``, sicily, `SELECT 0|zadd Sicily 3479099956230698 Palermo 3479447370796909 Catania`},
		{sicily, `geoadd Sicily NX CH 1 2 Palermo`, ``},
		{sicily, `geoadd Sicily CH xx 1 2 Palermo 1 2 x`,
			`zadd Sicily CH xx 3378080408407459 Palermo 3378080408407459 x`},
		{sicily, `georadius Sicily 15 37 60 km store d`, `ZADD d 3479447370796909 Catania`},
		{sicily, `geosearchstore Sicily Sicily fromlonlat 15 37 byradius 60 km storedist`,
			`MULTI|DEL Sicily|ZADD Sicily 56.4412578701582 Catania|EXEC`},
		{sicily, `geosearchstore Sicily Sicily fromlonlat 100 37 byradius 60 km`, `DEL Sicily`},
		{sicily, `geosearchstore d Sicily fromlonlat 100 37 byradius 60 km`, ``},
	})
}

// TestGeoStoresMany: the effects of a search that has found many name all of them.
func TestGeoStoresMany(t *testing.T) {
	master, replica := newTestEnv(t), newTestEnv(t)
	replica.node.replica = true
	command := []string{"geoadd", "g"}
	const n = 3*effectMembers - 1
	for i := range n {
		command = append(command, "13.5", "37."+itoa(int64(i)), "m"+itoa(int64(i)))
	}
	master.do(command...)
	if got := master.do(words(t, "geosearchstore d g fromlonlat 13 37 byradius 500 km")...); got != ":2999" {
		t.Fatal(got)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(master.effects()), "\n") {
		replica.apply(strings.Split(line, " ")...)
	}
	if master.Store.Digest() != replica.Store.Digest() {
		t.Error("the replica differs")
	}
}
