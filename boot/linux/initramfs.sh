#!/bin/sh
# boot/linux/initramfs.sh GEN_INIT_CPIO NAME=FILE... - an initramfs with these files, and a console for
# the first program, to standard output. GEN_INIT_CPIO is Linux's own. SPDX-License-Identifier: ISC
set -eu
make=$1
shift
list=$(mktemp)
trap 'rm -f "$list"' EXIT
{
	echo 'dir /dev 0755 0 0'
	echo 'nod /dev/console 0600 0 0 c 5 1'
	for file; do
		echo "file /${file%%=*} ${file#*=} 0755 0 0"
	done
} >"$list"
"$make" "$list"
