#!/bin/sh
# boot/test/net_test.sh KERNEL MODULE... - real clients on the appliance's own network: ping,
# IPv6, closed ports. A tap in a network namespace of its own is the wire; dnsmasq gives the
# lease and advertises an IPv6 prefix. Needs root and /dev/net/tun. Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/network.sh
. boot/appliance.sh
dns=
also_stop() { [ -z "$dns" ] || kill $dns; }

four=10.0.9.50 mac=52:54:00:12:34:56
local6=fe80::5054:ff:fe12:3456%wire global6=fd00:9::5054:ff:fe12:3456
ip link set lo up
ip tuntap add wire mode tap
echo 0 >/proc/sys/net/ipv6/conf/wire/accept_dad
ip address add 10.0.9.1/24 dev wire
ip address add fd00:9::1/64 dev wire nodad
ip link set wire up
dnsmasq -d -p 0 -C /dev/null -i wire --bind-dynamic --dhcp-host=$mac,$four --no-ping --log-dhcp \
	--dhcp-range=10.0.9.50,10.0.9.60,1h --dhcp-range=fd00:9::,ra-only --enable-ra \
	--dhcp-leasefile="$work/leases" --ra-param=wire,10,100 >"$work/dns" 2>&1 &
dns=$!

equal() { [ "$1" = "$2" ]; }
pings() { ping -n -q -c 1 -W 20 "$@"; }
web() { curl -s -f -m 120 "http://$1/" -o "$work/got" && cmp "$work/got" apps/httpd/www/index.html; }
echoes() { equal "$(echo word | timeout 120 nc -N -w 60 "$@" 7)" word; }
echoes_udp() {
	for _ in 1 2 3 4 5; do
		equal "$(printf word | timeout 20 nc -u -w 2 "$@" 7)" word && return 0
	done
	return 1
}
refused() { timeout 120 nc -z -v -w 60 "$@" 2>&1 | grep -q refused; }
# An ICMP error shows at the second datagram.
refused_udp() {
	python3 - "$@" <<-'END'
		import socket, sys, time
		family, kind, _, _, to = socket.getaddrinfo(sys.argv[1], sys.argv[2],
		                                            type=socket.SOCK_DGRAM)[0]
		s = socket.socket(family, kind)
		s.connect(to)
		s.settimeout(2)
		for _ in range(20):
		    try:
		        s.send(b"x")
		        s.recv(100)
		    except ConnectionRefusedError:
		        sys.exit(0)
		    except TimeoutError:
		        pass
		sys.exit(1)
	END
}
fragments() { boot/test/fragments.py wire $mac "$@"; }
# Fragments are held half a second: then the next frame finds them given up.
none_held() { wait_for 20 eval 'pings $four; counted && grep -q "+ held 0$" "$work/stat"'; }
lost() { sed -n 's/.* FRAGMENT \([0-9]*\) .*/\1/p' "$work/stat"; }
lost_since() { none_held && [ "$(lost)" -ge $(($1 + $2)) ]; }
counted() { ask 60 stat '^pages ' >"$work/stat" && balanced "$work/stat"; }
lists() { ask 60 "$1" "$2"; }

appliance_start -n tap=wire -e $mac "$@"
wait_for 120 pings $four >/dev/null 2>&1
wait_for 120 web $four 2>/dev/null
wait_for 120 echoes $four 2>/dev/null
wait_for 120 pings $global6 >/dev/null 2>&1
check takes_the_lease grep -q "DHCPACK.*$four" "$work/dns"
check answers_ping pings $four
check answers_a_full_ping pings -s 1472 -M do $four
check answers_an_empty_ping pings -s 0 $four
check reassembles_a_fragmented_ping pings -s 3000 $four
check answers_many_pings ping -n -q -c 50 -i 0.02 -W 20 $four
check answers_ping_over_ipv6 pings $local6
check takes_the_advertised_prefix pings $global6
check serves_pages web $four
check serves_pages_over_ipv6 web "[$global6]"
check serves_pages_over_link_local_ipv6 web "[$local6]"
check echoes_tcp echoes $four
check echoes_tcp_over_ipv6 echoes $global6
check echoes_udp echoes_udp $four
check echoes_udp_over_ipv6 echoes_udp $global6
check echoes_a_datagram_in_fragments fragments $four in_order
check echoes_a_datagram_in_fragments_over_ipv6 fragments $global6 in_order
check echoes_fragments_whose_first_comes_last fragments $four first_one_last
check echoes_fragments_whose_first_comes_last_over_ipv6 fragments $global6 first_one_last
check echoes_fragments_in_any_order fragments $four first_one_in_the_middle
check echoes_fragments_during_a_flood_of_headless_ones fragments $four during_a_flood
check echoes_fragments_after_a_flood_of_headless_ones fragments $four after_a_flood
check fragments_of_many_datagrams_push_out_their_owners_only \
	fragments $four an_owner_pushes_out_its_own_only
check headless_fragments_are_held_then_dropped_and_counted lost_since 0 500
check a_closed_tcp_port_refuses refused $four 9
check a_closed_tcp_port_refuses_over_ipv6 refused $global6 9
check a_closed_udp_port_refuses refused_udp $four 9
check a_closed_udp_port_refuses_over_ipv6 refused_udp $global6 9
check every_frame_is_counted_once counted
check ends_the_web_server lists 'kill httpd' '^ended httpd'
check then_its_port_refuses wait_for 60 refused $four 80
check then_pings_are_answered pings $four
check then_echo_serves echoes $four
check then_echo_serves_over_ipv6 echoes $global6
already=$(none_held >/dev/null && lost)
fragments $four only_the_first
check ends_echo lists 'kill echo' '^ended echo'
fragments $four only_the_rest
check fragments_for_one_that_has_ended_are_dropped lost_since "$already" 2
check then_the_udp_port_refuses wait_for 60 refused_udp $four 7
check then_pings_are_answered_over_ipv6 pings $global6
check every_frame_is_counted_once_still counted
appliance_stop
check ends_without_a_panic equal "$appliance_status" 0
