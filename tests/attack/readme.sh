#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# README's table of attacks: each hole with a number has its test, and each such test its row.
set -eu

tests=$(grep -hoE '^Test\(attack_[a-z]+, cve_[a-z0-9_]+' tests/attack/*.c | sed 's/.*, //' | sort)
rows=$(grep -oE 'cve_[a-z0-9_]+' README.md | sort)
diff -u <(echo "$tests") <(echo "$rows")
