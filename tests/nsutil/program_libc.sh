#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Libraries compiled for glibc are linked with musl only where both C libraries mean the same by all that they use; and
# the bounds of fortified calls hold there.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "$*" && exit 1; }

case $(gcc -dumpmachine) in
x86_64-*) ;;
*) echo "programs are linked with musl on x86_64 alone" && exit 77 ;;
esac

# verdict SOURCE: of a library made from it, compiled as Debian's are. What is said on standard error goes to $work/said.
verdict() {
	rm -f "$work/libtried.a"
	gcc -O2 -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIC -c -o "$work/tried.o" -x c - <<<"$1" ||
		fail "can't compile: $1"
	ar rcs "$work/libtried.a" "$work/tried.o"
	CC="gcc -B$work/" LIBS=-ltried scripts/program-libc 2>"$work/said"
}

[ "$(verdict '#include <stdio.h>
int tried(char *text, size_t size, int n) { return snprintf(text, size, "%d", n); }')" = musl ] ||
	fail "what agrees is refused: $(cat "$work/said")"
[ ! -s "$work/said" ] || fail "says something of what agrees: $(cat "$work/said")"

# refused NAMED SOURCE
refused() {
	[ "$(verdict "$2")" = glibc ] || fail "$1 is not refused"
	grep -qF "$1" "$work/said" || fail "does not name $1: $(cat "$work/said")"
	CC="gcc -B$work/" LIBS=-ltried scripts/program-libc --check 2>/dev/null && fail "--check lets $1 pass"
}
# Structures that differ; a macro that looks into a FILE.
refused _setjmp '#include <setjmp.h>
static jmp_buf place; int tried(void) { return setjmp(place); }'
refused regcomp '#include <regex.h>
int tried(regex_t *r) { return regcomp(r, "x", 0); }'
refused __overflow '#include <stdio.h>
int tried(FILE *f) { return putc_unlocked(1, f); }'
refused 'tried.o(constructor)' '#include <stdlib.h>
static void __attribute__((constructor)) first(int argc) { if (argc > 9) exit(1); }'
refused 'tried.o(thread-local)' 'static __thread __attribute__((tls_model("initial-exec"))) int mine; int *tried(void) { return &mine; }'
refused 'tried(indirect)' 'static int one(void) { return 1; }
static void *pick(void) { return one; } int tried(void) __attribute__((ifunc("pick")));'

# Cases 1 to 5, each once within its bounds and once beyond.
cat >"$work/bounds.c" <<'END'
#include "nsutil/musl/glibc.c"

static int v(char *text, size_t size, size_t room, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = __vsnprintf_chk(text, size, 1, room, format, arguments);
	va_end(arguments);
	return length;
}

int main(int argc, char **argv)
{
	char text[16] = "";
	size_t room = argc > 2 ? 3 : 4;
	switch (atoi(argv[1])) {
	case 1:
		return !(__snprintf_chk(text, 4, 1, room, "%d", 12345) == 5 && strcmp(text, "123") == 0);
	case 2:
		return !(v(text, 4, room, "%d", 12345) == 5 && strcmp(text, "123") == 0);
	case 3:
		return !(__sprintf_chk(text, 1, room, "%s", "abc") == 3 && strcmp(text, "abc") == 0);
	case 4:
		return !(__strncpy_chk(text, "abcdef", 4, room) == text && memcmp(text, "abcd", 5) == 0);
	case 5:
		return !(__sprintf_chk(text, 1, argc > 2 ? 0 : SIZE_MAX, "%s", "abc") == 3 && strcmp(text, "abc") == 0);
	}
	return 2;
}
END
musl-gcc -D_GNU_SOURCE -Wall -Werror -Wno-format-truncation -I. -static -include stdint.h -o "$work/bounds" "$work/bounds.c" || exit 1
for case in 1 2 3 4 5; do
	"$work/bounds" $case || fail "case $case fails within its bounds"
	(ulimit -c 0 && exec "$work/bounds" $case beyond) 2>/dev/null
	[ $? = 134 ] || fail "case $case is not stopped beyond its bounds"
done
