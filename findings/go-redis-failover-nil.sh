#!/bin/sh
# go-redis v9.23.0: a failover client whose sentinels do not know the master returns an error that errors.Is takes for redis.Nil, from
# every command, also from SET.
#
# A sentinel answers SENTINEL GET-MASTER-ADDR-BY-NAME with a null array for a name it does not know: it was just started, or is being
# set up again. The client wraps that answer ("all sentinels specified in configuration are unreachable: redis: nil") with %w, and
# returns it from the command that needed a connection. So the usual test for a missing key, errors.Is(err, redis.Nil), is true though
# no server was asked: a GET looks like a cache miss, a SET like one with NX that was not carried out. err == redis.Nil is false.
#
# A real redis-sentinel 7.0.15 that watches nothing, and the client on it. Needs Debian 12 (amd64) with the lists of apt-get update,
# Go 1.25 and a module proxy. Exits with 1 when the library behaves otherwise.
set -eu

packages="redis-tools=5:7.0.15-1~deb12u10 redis-sentinel=5:7.0.15-1~deb12u10 libjemalloc2=5.3.0-1 liblzf1=3.6-3"

dir=$(mktemp -d)
started=
end() {
	[ -z "$started" ] || kill $started 2>/dev/null || true
	wait
	rm -rf "$dir"
}
trap end EXIT
cd "$dir"
apt-get -o APT::Sandbox::User=root download $packages >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in *.deb; do
	dpkg -x "$deb" root
done
cat >main.go <<'G'
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var socket net.Dialer
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "mymaster", SentinelAddrs: []string{"sentinel:1"}, MaxRetries: -1,
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) { return socket.DialContext(ctx, "unix", os.Args[1]) },
	})
	defer client.Close()
	same := true
	for name, err := range map[string]error{
		"GET": client.Get(ctx, "key").Err(),
		"SET": client.Set(ctx, "key", "value", 0).Err(),
	} {
		fmt.Printf("%s: %v\n     errors.Is(err, redis.Nil): %v, err == redis.Nil: %v\n", name, err, errors.Is(err, redis.Nil), err == redis.Nil)
		same = same && errors.Is(err, redis.Nil) && err != redis.Nil
	}
	if !same {
		fmt.Println("the library behaves otherwise")
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local
go mod init finding >/dev/null 2>&1
go get github.com/redis/go-redis/v9@v9.23.0 >get.log 2>&1 || { cat get.log; exit 2; }
go build -o finding . || exit 2
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu"
root/usr/bin/redis-sentinel --version
printf 'port 0\nunixsocket %s/sentinel\nlogfile %s/sentinel.log\n' "$dir" "$dir" >sentinel.conf
root/usr/bin/redis-sentinel sentinel.conf &
started=$!
tries=0
until [ "$(root/usr/bin/redis-cli -s "$dir/sentinel" PING 2>/dev/null)" = PONG ]; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || { echo "the sentinel does not answer"; cat sentinel.log; exit 2; }
	sleep 0.1
done
./finding "$dir/sentinel"
