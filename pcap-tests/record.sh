#!/bin/sh
# pcap-tests/record.sh [-c | NAME...] - how each trace was made: a real client and a real
# server in two network namespaces, joined by a veth pair, recorded by tcpdump at the server.
#
# Writes traces/NAME.pcap.gz and traces/NAME.counts for each function trace_NAME below, or
# for the named ones only. With -c, only counts again. The counts are tcpdump's, that is
# libpcap's: an outside opinion.
# Needs root and, beyond boot/deps.sh: tcpdump iputils-arping bind9-dnsutils dnsmasq-base
# openssh-server nginx-light wrk socat ndisc6 ethtool busybox openssl traceroute.
#
#   client 10.0.2.2, fe80::2, 02:00:00:00:00:02
#   server 10.0.2.15, fe80::5054:ff:fe12:3456, 52:54:00:12:34:56 (what the appliance takes)
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")" || exit 1

# Expressions of every layer; each trace's table holds all of them.
expressions() {
	cat <<-'END'
		ip
		ip6
		arp
		tcp
		udp
		icmp
		icmp6
		vlan
		broadcast
		multicast
		tcp port 80
		tcp dst port 80
		udp port 7
		udp port 53
		port 22 or port 443
		host 10.0.2.2
		src host 10.0.2.15 and not arp
		ip host 10.0.2.15 and tcp portrange 1-100
		ether src 52:54:00:12:34:56
		ether proto 0x0806
		ip6 and tcp
		ip6 host fe80::2
		tcp[tcpflags] & tcp-syn != 0
		tcp[tcpflags] & (tcp-fin|tcp-rst) != 0
		tcp[tcpflags] = tcp-ack
		tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)
		icmp[icmptype] = icmp-echo
		icmp[icmptype] = icmp-unreach
		ip[6:2] & 0x3fff != 0
		ip[8] < 64
		udp[4:2] > 100
		len > 1000
		less 60
		greater 1514
		vlan 7 and icmp
		not ip and not ip6
		tcp port 80 or udp port 53 or icmp6
		net 10.0.2.0/24
		dst net 192.0.2.0/24
		ip and ip[0] & 0xf != 5
		ether[0] & 1 = 1
	END
	echo
}

# counts FILE
counts() {
	expressions | while IFS= read -r e; do
		n=$(tcpdump -n --count -r "$1" "$e" 2>/dev/null </dev/null)
		printf '%s\t%s\n' "${n%% *}" "$e"
	done
}

# Only count again: for new expressions.
if [ "${1-}" = -c ]; then
	file=$(mktemp) || exit 1
	for trace in traces/*.pcap.gz; do
		gunzip -c "$trace" >"$file"
		counts "$file" >"${trace%.pcap.gz}.counts"
	done
	rm -f "$file"
	exit
fi

[ "${INSIDE-}" = yes ] || INSIDE=yes exec unshare --net --mount --pid --fork \
	--mount-proc --kill-child ./record.sh "$@"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
unshare --net sleep 3600 &
peer=$!
server() { nsenter -t "$peer" -n "$@"; }
four=10.0.2.15 six=fe80::5054:ff:fe12:3456 scoped=fe80::5054:ff:fe12:3456%wire

until server true 2>/dev/null && [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]
do sleep 0.1; done
ip link add wire address 02:00:00:00:00:02 type veth peer name far address 52:54:00:12:34:56
ip link set far netns "$peer"
server ip link set far name wire
for where in '' server; do
	$where sysctl -qw net.ipv6.conf.wire.addr_gen_mode=1 net.ipv6.conf.wire.accept_dad=0 \
		net.ipv6.conf.wire.router_solicitations=0
	$where ip link set lo up
	$where ethtool -K wire tx off rx off tso off gso off gro off >/dev/null
	$where ip link set wire up
done
ip address add 10.0.2.2/24 dev wire
ip address add fe80::2/64 dev wire nodad
server ip address add $four/24 dev wire
server ip address add $six/64 dev wire nodad
sleep 3  # for the last multicast report of an interface that came up

forget() {
	for where in '' server; do $where ip neigh flush all; done
}

# record COMMAND... - what is on the wire while the command runs
record() {
	forget
	server tcpdump -i wire -n -s 0 -U $tcpdump_options -w "$work/$name.pcap" 2>"$work/said" &
	dump=$!
	until grep -q 'listening on' "$work/said" 2>/dev/null; do sleep 0.1; done
	"$@" >"$work/out" 2>&1 </dev/null
	sleep 0.7
	kill $dump 2>/dev/null
	wait $dump
}
tcpdump_options=

# in_server COMMAND... - a server, until the end of the trace
in_server() {
	server "$@" >"$work/server" 2>&1 &
	servers="$servers $!"
	sleep 0.7
}

echo_server() {
	for family in 4 6; do
		only=; [ $family = 4 ] || only=,ipv6only
		in_server socat "UDP$family-LISTEN:7,fork$only" EXEC:cat
		in_server socat "TCP$family-LISTEN:7,fork,reuseaddr$only" EXEC:cat
	done
}

web_server() {
	cat >"$work/nginx.conf" <<-END
		daemon off; pid $work/nginx.pid; error_log $work/error; user root;
		events {}
		http {
			access_log off; keepalive_requests 100000; types { text/html html; }
			client_body_temp_path $work; proxy_temp_path $work;
			fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
			server { listen 80; listen [::]:80; root $PWD/www; }
		}
	END
	in_server nginx -e "$work/error" -c "$work/nginx.conf"
}

trace_arping() { record arping -c 3 -I wire $four; }
trace_ping() { record ping -c 3 -i 0.2 $four; }
trace_ping_sizes() {
	record sh -c "for s in 0 1 17 18 19 255 1000 1471 1472; do ping -c 1 -s \$s $four; done"
}
trace_ping_fragments() { record ping -c 2 -i 0.2 -s 4000 $four; }
trace_ping6() { record ping -c 3 -i 0.2 $scoped; }
trace_ping6_sizes() {
	record sh -c "for s in 0 1 17 255 1000 1452; do ping -c 1 -s \$s $scoped; done"
}
trace_ndisc6() { record ndisc6 -q -n -m -r 2 -w 300 $six wire; }
trace_udp_echo() {
	echo_server
	record sh -c "for t in a hello 'a longer line of text, to be sent back'; do
		echo \$t | socat -t 0.3 - UDP:$four:7,sourceport=40001; done
		head -c 1472 record.sh | socat -t 0.3 -b 2000 - UDP:$four:7,sourceport=40002"
}
trace_udp6_echo() {
	echo_server
	record sh -c "echo over six | nc -6 -u -w 1 -p 40003 $scoped 7"
}
trace_tcp_echo() {
	echo_server
	record sh -c "printf 'one line\n' | nc -N -p 40010 $four 7
		head -c 9000 record.sh | nc -N -p 40011 $four 7"
}
trace_tcp6_echo() { echo_server; record sh -c "echo six | nc -6 -N -p 40012 $scoped 7"; }
trace_udp_closed() { record sh -c "echo x | nc -u -w 1 -p 40020 $four 9"; }
trace_udp6_closed() { record sh -c "echo x | nc -6 -u -w 1 -p 40021 $scoped 9"; }
trace_tcp_closed() { record nc -z -p 40022 $four 9; }
trace_tcp6_closed() { record nc -6 -z -p 40023 $scoped 9; }
trace_http_get() { web_server; record curl -s --local-port 40030 http://$four/; }
trace_http_head() { web_server; record curl -sI --local-port 40031 http://$four/; }
trace_http_absent() { web_server; record curl -s --local-port 40032 http://$four/absent; }
trace_http_keepalive() {
	web_server
	record curl -s --local-port 40033 http://$four/ http://$four/absent http://$four/
}
trace_http6_get() { web_server; record curl -s --local-port 40034 "http://[$scoped]/"; }
trace_http_bad() {
	web_server
	record sh -c "printf 'what is this\r\n\r\n' | nc -p 40035 -w 1 $four 80"
}
trace_http_pipelined() {
	web_server
	record sh -c "printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
		nc -p 40036 -w 2 $four 80"
}
trace_wrk() {  # a steady run, cut after 200 frames
	web_server
	tcpdump_options='-c 200'
	record wrk -t 1 -c 2 -d 1 http://$four/
	tcpdump_options=
}
name_server() {
	in_server dnsmasq -d -C /dev/null --no-resolv --no-hosts --address=/example.test/192.0.2.7 \
		--address=/example.test/2001:db8::7 --txt-record=example.test,text
}
trace_dns() {
	name_server
	record sh -c "for q in A AAAA TXT MX; do
		dig -b 10.0.2.2#40040 +tries=1 @$four example.test \$q; done"
}
trace_dns_tcp() {
	name_server
	record dig -b 10.0.2.2#40041 +tcp @$four example.test
}
trace_ssh_banner() {
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$work/key"
	in_server /usr/sbin/sshd -D -e -f /dev/null -h "$work/key"
	record sh -c "nc -p 40050 -w 1 $four 22"
	rm -f "$work/key" "$work/key.pub"
}
trace_ssh_keyscan() {
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$work/key"
	in_server /usr/sbin/sshd -D -e -f /dev/null -h "$work/key"
	record ssh-keyscan -t ed25519 $four
	rm -f "$work/key" "$work/key.pub"
}
trace_tls() {
	openssl req -x509 -newkey ed25519 -nodes -subj /CN=a -keyout "$work/k" -out "$work/c" 2>/dev/null
	in_server openssl s_server -accept 443 -key "$work/k" -cert "$work/c" -www
	record sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -connect $four:443"
}
trace_dhcp() {
	in_server dnsmasq -d -p 0 -C /dev/null --dhcp-range=10.0.2.50,10.0.2.60,1h -i wire
	record busybox udhcpc -i wire -q -n -t 3 -T 1 -s /bin/true
}
trace_traceroute() { record traceroute -n -m 2 -q 2 -w 1 $four; }

[ $# -gt 0 ] || set -- $(sed -n 's/^trace_\([a-z0-9_]*\)() .*/\1/p' "$(basename "$0")")
for name; do
	servers=
	"trace_$name"
	[ -z "$servers" ] || kill $servers 2>/dev/null

	for s in $servers; do wait $s 2>/dev/null; done
	counts "$work/$name.pcap" >traces/$name.counts
	gzip -9nc "$work/$name.pcap" >traces/$name.pcap.gz
	printf '%s: %s frames, %s bytes compressed\n' "$name" \
		"$(sed -n 's/\t$//p' traces/$name.counts)" "$(wc -c <traces/$name.pcap.gz)"
done
