#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The example slave against an installed copy of the library: compiled as C and as C++, linked with the
# shared library and with the static one; 20 executors at once from 4 threads; killed half-way and started
# again, it finds every one of them.
set -eu

say() { printf '%s\n' "$*"; }
skip() {
	say "$@"
	exit 77
}
fail() {
	say "FAILED: $*"
	exit 1
}

[ "$(id -u)" = 0 ] || skip "needs root"
for tool in make gcc g++ pkg-config; do
	command -v "$tool" >/dev/null || skip "there is no $tool here: run scripts/bootstrap"
done

build=${BERTH_BUILD:-$PWD/build}
work=$(mktemp -d /tmp/berth-test-example.XXXXXX)
parent=berth-test-example-$$
export BERTH_STATE_ROOT=$work/state BERTH_DATA_ROOT=$work/data SLAVE_CGROUP_PARENT=$parent
slave=

# Directories of the test's cgroups in all hierarchies, the deepest first.
cgroups() { find /sys/fs/cgroup /cgroup -depth -type d -path "*/$parent*" 2>/dev/null || true; }
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	status=$?
	set +e
	[ -z "$slave" ] || kill -KILL "$slave" 2>/dev/null
	for directory in $(cgroups); do
		while read -r pid; do
			kill -KILL "$pid" 2>/dev/null
		done < <(cat "$directory/cgroup.procs" 2>/dev/null)
	done
	for _ in $(seq 100); do
		for directory in $(cgroups); do
			rmdir "$directory" 2>/dev/null
		done
		[ -n "$(cgroups)" ] || break
		sleep 0.05
	done
	rm -rf "$work"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# Waits until the command succeeds, 60 s at most (more on slow machines).
await() {
	for _ in $(seq $((${BERTH_TEST_TIMEOUT:-120} * 10))); do
		! "$@" || return 0
		sleep 0.05
	done
	fail "waited in vain for: $*"
}

# ---- Installed, and compiled against that ----

sanitize=()
arguments=()
case $build in
*/san)
	sanitize=("-fsanitize=address,undefined")
	arguments=(SAN=1)
	;;
esac
(
	# Not those of the make that runs the tests.
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
	make "${arguments[@]}" -s install DESTDIR="$work/installed" PREFIX=/usr
) >"$work/install.log" 2>&1 || { cat "$work/install.log" && fail "make install"; }
export PKG_CONFIG_SYSROOT_DIR=$work/installed PKG_CONFIG_PATH=$work/installed/usr/lib/pkgconfig
# Below the sysroot /usr/include is not where compilers look by themselves.
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
export LD_LIBRARY_PATH=$work/installed/usr/lib
# From a copy: the sources must not be found by accident.
cp tests/example/slave.c "$work/slave.c"

compile() {
	local program=$1
	shift
	(cd "$work" && "$@" -O2 -Wall -Wextra -Werror "${sanitize[@]}" -pthread) || fail "compile $program"
}
read -ra cflags < <(pkg-config --cflags berth)
read -ra shared < <(pkg-config --libs berth)
read -ra private < <(pkg-config --static --libs berth)
[[ " ${cflags[*]} " == *" -I$work/installed/usr/include "* ]] || fail "pkg-config --cflags says: ${cflags[*]}"
compile c gcc -x c -std=c17 -D_GNU_SOURCE "${cflags[@]}" -o c slave.c "${shared[@]}"
compile c++ g++ -x c++ -std=c++17 "${cflags[@]}" -o c++ slave.c "${shared[@]}"
# The library static, the rest as it comes; -lberth alone would prefer the shared one.
static=("${private[@]/#-lberth/-l:libberth.a}")
compile static gcc -x c -std=c17 -D_GNU_SOURCE "${cflags[@]}" -o static slave.c "${static[@]}"
needs() { LC_ALL=C readelf -d "$1" | grep -q 'NEEDED.*libberth\.so'; }
for program in c c++; do
	needs "$work/$program" || fail "$program is not linked with the shared library"
done
! needs "$work/static" || fail "the static one needs the shared library"

# ---- Runs ----

count=20
threads=4

# An executor's sandbox holds a pipe, from which it reads the status to end with.
sandboxes_make() {
	rm -rf "$work/sandboxes"
	mkdir "$work/sandboxes"
	for ((i = 0; i < count; i++)); do
		mkdir "$work/sandboxes/$i"
		mkfifo "$work/sandboxes/$i/go"
	done
}
# shellcheck disable=SC2016 # the executor's own variables
executor=(sh -c 'read -r status <go; echo "executor $EXECUTOR"; exit "$status"')

# Lets executors FIRST to LAST end, each with its number as status.
release() {
	for ((i = $1; i <= $2; i++)); do
		# It may have been launched without having come to its read yet.
		# shellcheck disable=SC2016 # the inner shell's variables
		timeout 60 bash -c 'echo "$1" >"$2"' - "$i" "$work/sandboxes/$i/go" || fail "executor $i does not read"
	done
}

start() {
	: >"$work/$2"
	"$work/$1" "${@:3}" >"$work/$2" 2>"$work/$2.err" &
	slave=$!
}
finish() {
	local status=0
	wait "$slave" || status=$?
	slave=
	[ $status = 0 ] || { cat "$work/$1" "$work/$1.err" && fail "the slave ended with $status"; }
}
lines() { grep -c "$2" "$work/$1" || true; }
has_line() { grep -qx "$2" "$work/$1" || ! kill -0 "$slave" 2>/dev/null; }
# The line of that word with a number alone, which is to be that number.
await_count() {
	await has_line "$1" "$2 [0-9]*"
	grep -qx "$2 $3" "$work/$1" || { cat "$work/$1" "$work/$1.err" && fail "there is no line '$2 $3'"; }
}
has_ended() { [ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null || [ ! -e "/proc/$1" ]; }
pid_of() { awk -v name="mesos_executor_$2_framework_example" '$2 == name { print $3; exit }' "$work/$1"; }

expect_ends() {
	for ((i = 0; i < count; i++)); do
		[ "$(lines "$1" "^ended mesos_executor_${i}_framework_example exited $i: ")" = 1 ] ||
			{ cat "$work/$1" && fail "the end of executor $i is not told once, with its status"; }
		[ "$(cat "$work/sandboxes/$i/stdout")" = "executor $i" ] || fail "the output of executor $i"
	done
	[ "$(lines "$1" ^ended)" = $count ] || fail "ends of what was not launched"
}

expect_nothing_left() {
	local left
	left=$(find "$BERTH_STATE_ROOT" -mindepth 1 ! -name '.*')
	[ -z "$left" ] || fail "left in the state root: $left"
	left=$(cgroups | grep "/$parent/." || true)
	[ -z "$left" ] || fail "cgroups left: $left"
	left=$(grep -F "$work" /proc/self/mountinfo || true)
	[ -z "$left" ] || fail "mounts left: $left"
	while read -r pid; do
		has_ended "$pid" || fail "process $pid is left"
	done < <(awk '$1 == "launched" && NF == 3 { print $3 }' "$work/first")
}

for program in c c++ static; do
	say "---- $program: to the end"
	sandboxes_make
	start $program first launch "$work/sandboxes" $count $threads "${executor[@]}"
	await_count first launched $count
	release 0 $((count - 1))
	finish first
	expect_ends first
	expect_nothing_left

	say "---- $program: killed when all run, some end before it is started again"
	sandboxes_make
	start $program first launch "$work/sandboxes" $count $threads "${executor[@]}"
	await_count first launched $count
	# Stopped first, so that it is sure to see none of these ends itself.
	kill -STOP "$slave"
	release 0 6
	for i in 0 1 2 3 4 5 6; do
		await has_ended "$(pid_of first $i)"
	done
	kill -KILL "$slave"
	wait "$slave" 2>/dev/null || true
	start $program second recover
	await_count second recovered $count
	[ "$(lines second '^recovered .* ended$')" = 7 ] || { cat "$work/second" && fail "7 had ended"; }
	[ "$(lines second '^recovered .* running$')" = 13 ] || { cat "$work/second" && fail "13 were running"; }
	for ((i = 7; i < count; i++)); do
		[ "$(pid_of second $i)" = "$(pid_of first $i)" ] || fail "executor $i is another process now"
	done
	release 7 $((count - 1))
	finish second
	expect_ends second
	expect_nothing_left

	say "---- $program: killed while it launches"
	sandboxes_make
	start $program first launch "$work/sandboxes" $count $threads "${executor[@]}"
	half_launched() { [ "$(lines first '^launched .* ')" -ge $((count / 2)) ] || ! kill -0 "$slave" 2>/dev/null; }
	await half_launched
	kill -KILL "$slave"
	wait "$slave" 2>/dev/null || true
	told=$(lines first '^launched .* ')
	start $program second recover
	await_count second recovered '[0-9]*'
	# Of all it told of none is missing. Those that it was about to tell of may be there too, or have been undone.
	while read -r name; do
		[ "$(lines second "^recovered $name [0-9]* running\$")" = 1 ] ||
			{ cat "$work/first" "$work/second" "$work/second.err" && fail "$name was lost"; }
	done < <(awk '$1 == "launched" && NF == 3 { print $2 }' "$work/first")
	found=$(lines second '^recovered mesos')
	if [ "$found" -lt "$told" ] || [ "$found" -gt $((told + threads)) ]; then
		fail "launched $told, found $found"
	fi
	while read -r number; do
		release "$number" "$number"
	done < <(sed -n 's/^recovered mesos_executor_\([0-9]*\)_.*/\1/p' "$work/second")
	finish second
	[ "$(lines second ' exited ')" = "$found" ] || fail "not every end was seen"
	expect_nothing_left
done
