#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A benchmark that is stopped midway leaves no process and no cgroup directory.
set -u
bench=$BERTH_BUILD/bench/bench
payload=$BERTH_BUILD/tests/payload/idle

[ "$(id -u)" = 0 ] || { echo "only root can measure" && exit 77; }

inside() { grep -l "/berth-bench\.$1\(/\|$\)" /proc/[0-9]*/cgroup 2>/dev/null; }
directories() { find /sys/fs/cgroup -type d -name "berth-bench.$1"; }

# stopped NAME STATUS KILL...: KILL... is run, with the pids of the program and of its measuring child, when some
# containers live.
stopped() {
	local name=$1 status=$2 pid code child
	shift 2
	"$bench" -q -p "$payload" crowd >/dev/null 2>&1 &
	pid=$!
	until [ "$(inside "$pid" | wc -l)" -ge 10 ]; do
		kill -0 "$pid" 2>/dev/null || { echo "$name: it ended by itself" && exit 1; }
		sleep 0.05
	done
	read -r child _ <"/proc/$pid/task/$pid/children"
	"$@" "$pid" "$child"
	wait "$pid"
	code=$?
	[ "$code" = "$status" ] || { echo "$name: exit status $code instead of $status" && exit 1; }
	if [ -n "$(inside "$pid")" ] || [ -e "/proc/$child" ]; then
		echo "$name: processes are left: $(inside "$pid")"
		exit 1
	fi
	[ -z "$(directories "$pid")" ] || { echo "$name: left $(directories "$pid")" && exit 1; }
	echo "$name: nothing is left"
}

# shellcheck disable=SC2317 # called by name
interrupt() { kill -INT "$1"; }
# shellcheck disable=SC2317
kill_child() { kill -KILL "$2"; }

stopped "interrupted" 130 interrupt
stopped "its measuring process killed" 137 kill_child
