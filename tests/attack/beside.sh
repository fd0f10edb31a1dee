#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The table of what an executor can see and do: the documents say what was measured, and berth's column is what can be
# seen now.
set -eu

tests/attack/beside check
if [ "$(id -u)" != 0 ]; then
	echo "only root can look again"
	exit 77
fi
diff -u <(tail -n +2 tests/attack/beside.tsv | cut -f 1,2) <(tests/attack/beside berth)
