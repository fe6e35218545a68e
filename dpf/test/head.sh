# dpf/test/head.sh - for the tests in this directory to source, with their own arguments still in
# "$@": work at the top of the tree, in a scratch directory that goes when they end. $dpf is the
# command under test, $work the directory. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
dpf=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
