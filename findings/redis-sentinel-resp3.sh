#!/bin/sh
# redis-sentinel 7.0.15 is the same program as redis-server and answers its connection's commands otherwise.
#
#   1. After HELLO 3 INFO is a verbatim string (=, txt) on redis-server, and a bulk string ($) on redis-sentinel, although CLIENT INFO
#      and CLIENT LIST are verbatim strings on both.
#   2. redis-sentinel knows neither QUIT nor RESET ("unknown command"), and after QUIT the connection stays open and is served.
#
# A client that decodes by type gets two types for one command, and one that waits for the other side to close after QUIT waits.
# Needs Debian 12 (amd64) with the lists of apt-get update, and perl. Exits with 1 when the servers behave otherwise.
set -eu

packages="redis-tools=5:7.0.15-1~deb12u10 redis-server=5:7.0.15-1~deb12u10 redis-sentinel=5:7.0.15-1~deb12u10 libjemalloc2=5.3.0-1 liblzf1=3.6-3"

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
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu"
root/usr/bin/redis-server --version
root/usr/bin/redis-server --port 0 --unixsocket "$dir/server" --save '' --logfile "$dir/server.log" &
started=$!
printf 'port 0\nunixsocket %s/sentinel\nlogfile %s/sentinel.log\n' "$dir" "$dir" >sentinel.conf
root/usr/bin/redis-sentinel sentinel.conf &
started="$started $!"
for socket in server sentinel; do
	tries=0
	until [ "$(root/usr/bin/redis-cli -s "$dir/$socket" PING 2>/dev/null)" = PONG ]; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { echo "the $socket does not answer"; cat "$socket.log"; exit 2; }
		sleep 0.1
	done
done

# kinds SOCKET: for each command over one connection the type of its reply, and the text of a line.
cat >kinds.pl <<'P'
use strict;
use IO::Socket::UNIX;
my $c = IO::Socket::UNIX->new(Peer => shift) or die "connecting: $!";
$c->autoflush(1);
sub line { my $l = <$c>; return unless defined $l; $l =~ s/\r\n$//; return $l }
sub value {
	my $l = line() // return "(closed)";
	my ($kind, $rest) = (substr($l, 0, 1), substr($l, 1));
	if ($kind =~ /[\$=]/) { read($c, my $text, $rest + 2); return $kind . ($kind eq "=" ? substr($text, 0, 3) : "") }
	if ($kind =~ /[*~>%]/) { value() for 1 .. $rest * ($kind eq "%" ? 2 : 1); return $kind }
	return $l;
}
for my $command ("HELLO 3", "INFO server", "CLIENT INFO", "CLIENT LIST", "RESET", "QUIT", "PING") {
	local $SIG{PIPE} = "IGNORE";
	print $c "$command\r\n";
	print "$command: ", value(), "\n";
}
P
wrong=0
# expect SOCKET: compares the answers with those of standard input.
expect() {
	echo "redis-$1"
	perl kinds.pl "$dir/$1" >seen
	sed 's/^/  /' seen
	cat >wanted
	diff wanted seen >differences || { echo "  differs from what was expected:"; sed 's/^/    /' differences; wrong=1; }
}
expect server <<'W'
HELLO 3: %
INFO server: =txt
CLIENT INFO: =txt
CLIENT LIST: =txt
RESET: +RESET
QUIT: +OK
PING: (closed)
W
expect sentinel <<'W'
HELLO 3: %
INFO server: $
CLIENT INFO: =txt
CLIENT LIST: =txt
RESET: -ERR unknown command 'RESET', with args beginning with: 
QUIT: -ERR unknown command 'QUIT', with args beginning with: 
PING: +PONG
W
[ $wrong = 0 ] || { echo "These servers do not behave as described."; exit 1; }
