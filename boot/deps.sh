#!/bin/sh
# boot/deps.sh [linux] - bring everything the build needs on Debian 12 (amd64); `linux`: and the
# kernel of the Linux guest that the bench compares with (make bench-linux).
#
# Steps, each skipped when its result is there already:
#   packages  apt-get install (the only step that needs root)
#   lwIP      upstream tarball of Debian 13's source package, pinned by SHA-256
#   newlib    Debian's newlib-source, built for x86_64-elf by the host's gcc
#   Linux     Debian's linux-source-6.1, built as boot/linux/config says
# The last three land in ${XDG_CACHE_HOME:-$HOME/.cache}/exonet, which survives
# `make clean`; build/deps.mk tells make where, Linux is linked to as build/linux. The user's apt configuration is
# read, never changed. Prints one line per step done, and nothing when all is
# there. Ends with status 1 and one line that says what to do when it cannot.
# SPDX-License-Identifier: ISC
set -u
export LC_ALL=C

# One package per line, with what needs it. Add yours here.
packages() {
	sed 's/[[:space:]]*#.*//; /^$/d' <<-END
		gcc                     # the compiler of everything but handlers
		clang-19                # the compiler of handlers: older ones lack BPF v4
		make
		libc6-dev
		binutils
		xz-utils                # unpacks the two sources
		ca-certificates
		debian-archive-keyring  # verifies Debian 13's signature
		newlib-source           # C library of the library OS
		libpcap-dev             # dpf/tool, pcap-tests
		libssl-dev              # ash/tool: authentication code
		libcmocka-dev           # host unit tests
		libcapstone-dev         # disassembly in the host tools
		qemu-system-x86         # make run, make test
		ipxe-qemu               # network boot
		curl                    # end-to-end tests
		netbase                 # names of services, protocols
		netcat-openbsd          # end-to-end tests
		iproute2                # taps and namespaces of the end-to-end tests
		iputils-ping            # end-to-end tests
		dnsmasq-base            # lease and IPv6 prefix of the end-to-end tests
		python3                 # scripts of the tests
		tcpdump                 # what the tests compare dpf with
		gdb                     # make gdb
	END
	[ -z "$with_linux" ] || printf '%s\n' $linux_packages
}

lwip_version=2.2.1
lwip_sha256=83729c274c499d3348e9fbbe043a3113f3fa8953e7efddc7c21c7fcbb1f2b7b1
newlib_configure="--disable-multilib --disable-libgloss --disable-nls
	--disable-newlib-supplied-syscalls --disable-newlib-multithread
	--disable-newlib-wide-orient --enable-newlib-reent-small
	--enable-newlib-nano-malloc --enable-newlib-nano-formatted-io
	--enable-lite-exit --enable-newlib-global-stdio-streams"
newlib_cflags="-g -O2 -mno-red-zone -fno-pic -fno-stack-protector
	-fcf-protection=none -ffunction-sections -fdata-sections"

linux_packages="linux-source-6.1 flex bison bc libelf-dev"
linux_sources=/usr/src/linux-source-6.1.tar.xz

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
trixie_key=/usr/share/keyrings/debian-archive-trixie-stable.gpg
newlib_sources=/usr/src/newlib
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
work=

die() {
	echo "boot/deps.sh: $*" >&2
	exit 1
}

say() { echo "boot/deps.sh: $*"; }

cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# The failing command's own last words, for a message of one line.
last_line() { tail -n 1 "$1" | cut -c1-160; }

check_release() {
	release=$(. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && echo "$ID $VERSION_ID $(uname -m)")
	[ "$release" = "debian 12 x86_64" ] ||
		die "this is '$release', not 'debian 12 x86_64': use a Debian 12 machine or container"
}

# The listed packages that are not installed, on one line.
missing_packages() {
	wanted=$(packages)
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
		sed -n 's/^installed //p' | sort -u >"$work/installed"
	printf '%s\n' "$wanted" | sort -u | comm -23 - "$work/installed" | tr '\n' ' '
}

# A keyring that is older than Debian 13 is missing too: installing upgrades it.
install_packages() {
	missing=$(missing_packages)
	[ -r "$trixie_key" ] || missing="$missing debian-archive-keyring"
	missing=$(echo $missing)
	[ -n "$missing" ] || return 0
	[ "$(id -u)" -eq 0 ] ||
		die "packages are missing; as root, run: apt-get update && apt-get install $missing"
	say "installing $missing"
	apt-get -qq update >"$work/log" 2>&1 ||
		die "apt-get update failed: check the network ($(last_line "$work/log"))"
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \
		$missing >"$work/log" 2>&1 </dev/null ||
		die "apt-get install failed: check the network ($(last_line "$work/log"))"
	[ -r "$trixie_key" ] ||
		die "debian-archive-keyring lacks Debian 13's key: run apt-get upgrade"
}

# The mirrors to try for Debian 13: the one this machine uses for Debian 12,
# then the public one, which is also right for a mirror that is a snapshot.
mirrors() {
	{
		apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' \
			'Codename: bookworm' 'Label: Debian' 2>/dev/null
		echo http://deb.debian.org/debian
	} | sed 's,/*$,,' | awk 'NF && !seen[$0]++'
}

# apt with lists, cache and sources of its own in $work; proxies and the like
# are still those of the machine. Update fails when any index is not fetched.
private_apt() {
	apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
		-o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
		-o APT::Update::Error-Mode=any "$@" >"$work/log" 2>&1
}

# fetch_lwip MIRROR - leave the source package's files in the directory $work.
fetch_lwip() {
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" || return 1
	echo "deb-src [signed-by=$keyring] $1 trixie main" >"$work/sources.list"
	private_apt update &&
		(cd "$work" && private_apt source --download-only lwip)
}

get_lwip() {
	lwip=$cache/lwip-$lwip_version
	[ ! -d "$lwip" ] || return 0
	say "fetching lwIP $lwip_version (Debian 13's source package)"
	tarball=
	for mirror in $(mirrors); do
		fetch_lwip "$mirror" || continue
		tarball=$(echo "$work"/lwip_"$lwip_version"*.orig.tar.xz)
		[ ! -r "$tarball" ] || break
	done
	[ -r "$tarball" ] ||
		die "cannot fetch lwIP $lwip_version: check the network ($(last_line "$work/log"))"
	echo "$lwip_sha256  $tarball" | sha256sum --check --status ||
		die "$(basename "$tarball") is not the pinned one: see lwip_sha256 in boot/deps.sh"
	mkdir "$work/lwip" && tar -C "$work/lwip" --strip-components=1 -xf "$tarball" ||
		die "cannot unpack lwIP: check the free space in $cache"
	publish "$work/lwip" "$lwip"
}

# publish FROM TO - by rename, so that TO is complete or absent. Another run may
# have been faster; its result is the same.
publish() {
	mv -T "$1" "$2" 2>/dev/null || [ -d "$2" ] ||
		die "cannot create $2: check that $cache is writable"
}

# Runs in the build directory.
build_newlib() {
	CC_FOR_TARGET=gcc AS_FOR_TARGET=as LD_FOR_TARGET=ld AR_FOR_TARGET=ar \
	RANLIB_FOR_TARGET=ranlib NM_FOR_TARGET=nm STRIP_FOR_TARGET=strip \
	READELF_FOR_TARGET=readelf OBJDUMP_FOR_TARGET=objdump \
	CFLAGS_FOR_TARGET=$(echo $newlib_cflags) MAKEINFO=true \
		"$1/configure" --target=x86_64-elf --prefix=/ $newlib_configure &&
		make -j"$(nproc)" MAKEINFO=true all-target-newlib &&
		make MAKEINFO=true DESTDIR="$2" install-target-newlib
}

# The cache is keyed by all that the result depends on.
get_newlib() {
	key=$(echo "$(dpkg-query -W -f '${Version}' newlib-source)" $newlib_configure \
		$newlib_cflags "$(gcc -dumpfullversion)" | sha256sum | cut -c1-12)
	newlib=$cache/newlib-$key
	[ ! -d "$newlib" ] || return 0
	say "building newlib (about a minute)"
	tarball=$(echo "$newlib_sources"/newlib-*.tar.xz)
	mkdir "$work/newlib" "$work/build" &&
		tar -C "$work/newlib" --strip-components=1 -xf "$tarball" ||
		die "cannot unpack $tarball: check the free space in $cache"
	(cd "$work/build" && unset MAKEFLAGS MFLAGS MAKELEVEL &&
		build_newlib "$work/newlib" "$work/install") >"$cache/newlib.log" 2>&1 ||
		die "building newlib failed: see $cache/newlib.log"
	publish "$work/install/x86_64-elf" "$newlib"
}

# Runs in the source's directory.
build_linux() {
	make tinyconfig && scripts/kconfig/merge_config.sh -m .config "$root/boot/linux/config" &&
		make olddefconfig && nice make vmlinux &&
		objcopy --strip-debug vmlinux "$1/vmlinux" && cp usr/gen_init_cpio .config "$1"
}

# Every line of the configuration took effect: what depends on something else that is
# missing would be left out without a word.
linux_configured() {
	grep '^CONFIG_.*=y' "$root/boot/linux/config" | grep -vxFf "$1" || return 0
	return 1
}

get_linux() {
	key=$(cat "$root/boot/linux/config" - <<-END | sha256sum | cut -c1-12
		$(dpkg-query -W -f '${Version}' linux-source-6.1) $(gcc -dumpfullversion)
	END
	)
	linux=$cache/linux-$key
	if [ ! -d "$linux" ]; then
		say "building Linux (some ten minutes)"
		mkdir "$work/linux" "$work/guest" &&
			tar -C "$work/linux" --strip-components=1 -xf "$linux_sources" ||
			die "cannot unpack $linux_sources: check the free space in $cache"
		(cd "$work/linux" && unset MAKEFLAGS MFLAGS MAKELEVEL &&
			build_linux "$work/guest" && linux_configured .config) \
			>"$cache/linux.log" 2>&1 ||
			die "building Linux failed: see $cache/linux.log"
		publish "$work/guest" "$linux"
	fi
	mkdir -p "$root/build" && ln -sfn "$linux" "$root/build/linux" ||
		die "cannot write $root/build"
}

write_deps_mk() {
	mkdir -p "$root/build" &&
		printf 'LWIP := %s\nNEWLIB := %s\n' "$lwip" "$newlib" >"$work/deps.mk" ||
		die "cannot write $root/build"
	cmp -s "$work/deps.mk" "$root/build/deps.mk" &&
		[ "$root/build/deps.mk" -nt "$0" ] && return 0
	mv "$work/deps.mk" "$root/build/deps.mk" || die "cannot write $root/build/deps.mk"
}

with_linux=${1-}
check_release
cache=${XDG_CACHE_HOME:-${HOME:?boot/deps.sh: set HOME or XDG_CACHE_HOME}/.cache}/exonet
mkdir -p "$cache" && work=$(mktemp -d "$cache/work.XXXXXX") ||
	die "cannot write $cache: make it writable or set XDG_CACHE_HOME"
install_packages
get_lwip
get_newlib
write_deps_mk
[ -z "$with_linux" ] || get_linux
