# boot/network.sh - for tests to source, with their own arguments still in "$@": go on in a network
# namespace of our own, in which taps may be made. Without root and /dev/net/tun, one line of
# TAP says so, and the test ends. SPDX-License-Identifier: ISC
if [ "${INSIDE-}" != yes ]; then
	[ "$(id -u)" -eq 0 ] && [ -w /dev/net/tun ] || {
		echo "not ok tap_tests_run - they need root and /dev/net/tun: run make test as root"
		exit 1
	}
	INSIDE=yes exec unshare --net "$0" "$@"
fi
