# SPDX-License-Identifier: Apache-2.0
#
# make            program, library, lxc commands, in build/
# make check      installs what is missing, builds, runs the tests of this machine's cgroup layout
# make check-v2   the same tests under Debian's kernel with cgroup v2 alone, in QEMU
# make check-full the acceptance schedules, the crowd of executors and the races of the attacks, at full length
# make check-schedules   the library's part of it: the schedules alone
# make check-san  the same tests under the address and undefined-behaviour sanitizers
# make fuzz       each parser of outside text against libFuzzer for FUZZ_TIME seconds; fuzz-smoke: for 3
# make check-debian   real programs in a small Debian as their root
# make bench      launch cost against the least the kernel can do, and against other launchers; QUICK=1 for a look,
#                 CHECK=1 to fail where a figure that must be reached is not
# make bench-v2   the same launches and launchers in the virtual machine of check-v2
# make bench-compare OLD=FILE [NEW=FILE]   what got worse since
# make lint | fmt | demo | install | uninstall | clean
#
# Sources are found by wildcard: a new .c file in a folder is picked up, see CONTRIBUTING.md.

VERSION := 0.1.0
ABI := 0

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR = $(PREFIX)/bin
LIBDIR = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
LXCDIR = $(PREFIX)/libexec/berth/lxc
MANDIR = $(PREFIX)/share/man
COMPLETIONDIR = $(PREFIX)/share/bash-completion/completions

ifeq ($(origin CC),default)
CC := gcc
endif
MUSL_CC ?= $(if $(filter ccache,$(firstword $(CC))),ccache )musl-gcc
FUZZ_CC ?= clang
INSTALL ?= install

# V=1 shows whole commands.
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# ---- Sources ----

LIB_SRCS := $(sort $(wildcard nsutil/base/*.c nsutil/*.c nsutil/carry/*.c cgroup/*.c runtime/*.c))
# What the programs share.
ARGS_SRCS := $(sort $(wildcard runtime/args/*.c))
CLI_SRCS := $(sort $(wildcard runtime/cli/*.c))
INIT_SRCS := $(sort $(wildcard nsutil/init/*.c))
# Library sources that init is built from too, with musl: they may use no glibc-only function. What carries out a plan
# is among them.
CARRY_SRCS := $(sort $(wildcard nsutil/carry/*.c))
INIT_SHARED_SRCS := nsutil/plan_check.c $(CARRY_SRCS)
# What musl lacks of glibc, for programs that are linked with musl.
MUSL_SRCS := $(sort $(wildcard nsutil/musl/*.c))
# One program for all lxc-* commands, each a link to it. Their names are those of the table in main.c.
LXC_SRCS := $(sort $(wildcard runtime/lxc/*.c))
LXC_COMMANDS := $(shell sed -n 's/^\t{"\(lxc-[a-z]*\)",.*/\1/p' runtime/lxc/main.c 2>/dev/null)

# Each tests/FOLDER is one Criterion program, but for these. tests/support is linked into every suite.
NOT_SUITES := payload support bench fuzz example
SUITES := $(filter-out $(NOT_SUITES),$(sort $(patsubst tests/%/,%,$(dir $(wildcard tests/*/*.c)))))
PAYLOAD_SRCS := $(sort $(wildcard tests/payload/*.c))
BENCH_SRCS := $(sort $(wildcard tests/bench/*.c))
SUPPORT_SRCS := $(sort $(wildcard tests/support/*.c))

MAN_PAGES := $(wildcard runtime/man/*.[1-9])
COMPLETION := $(wildcard runtime/cli/completion.bash)

# ---- Flags ----

# SAN=1 makes a second, sanitized build beside the plain one.
ifeq ($(SAN),1)
B := build/san
HARDENING := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fstack-protector-strong
SAN_LDFLAGS := -fsanitize=address,undefined
else ifeq ($(FUZZ),1)
# The fuzz targets, and the library as they see it.
B := build/fuzz
override CC := $(FUZZ_CC)
HARDENING := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-Wno-format-nonliteral
SAN_LDFLAGS := -fsanitize=address,undefined
else
B := build
HARDENING := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
SAN_LDFLAGS :=
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wwrite-strings
CFLAGS ?= -O2 -g
# `_GNU_SOURCE=` rather than `=1`: a source that defines it itself then defines the same thing.
COMMON := -std=gnu17 $(WARNINGS) -I. -D_GNU_SOURCE= -DBERTH_VERSION='"$(VERSION)"' -MMD -MP
CFLAGS_ALL = $(COMMON) $(CFLAGS) $(HARDENING) -fPIC -fvisibility=hidden $(CARRY_CFLAGS) $(CPPFLAGS)
LDFLAGS_ALL = -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN_LDFLAGS) $(LDFLAGS)
LIBS := -lcap -lseccomp -ljansson
# The programs are static: where each start of one counts, a third of it went to the search for shared objects and their
# relocation. STATIC=0 is for systems without the static libraries; a sanitizer's run time is a shared one.
STATIC ?= $(if $(filter 1,$(SAN) $(FUZZ)),0,1)
# And they are linked with musl, where scripts/program-libc finds that they can be: the start of a program of glibc's
# executes dozens of CPUID instructions, each of which a virtual machine traps. The library is built with the system's C
# library all the same: it becomes part of other programs.
ifneq ($(STATIC),1)
ifeq ($(PROGRAM_LIBC),musl)
$(error PROGRAM_LIBC=musl makes static programs, without sanitizers)
endif
PROGRAM_LIBC := glibc
else ifndef PROGRAM_LIBC
PROGRAM_LIBC := $(shell CC='$(CC)' LIBS='$(LIBS)' scripts/program-libc)
endif
PROGRAM_LDFLAGS = $(if $(filter 1,$(STATIC)),-static-pie,-pie) $(LDFLAGS_ALL)

# musl brings no kernel headers; the host's come last so that they never replace musl's own.
MULTIARCH = $(shell $(CC) -print-multiarch 2>/dev/null)
MUSL_CFLAGS = $(COMMON) -Os -g0 -fno-pie -fstack-protector-strong -fvisibility=hidden -ffunction-sections \
	-fdata-sections -fno-asynchronous-unwind-tables -idirafter /usr/include -idirafter /usr/include/$(MULTIARCH)
# For programs: as CFLAGS_ALL, but for _FORTIFY_SOURCE, which musl's headers do not know. A function that they do not
# declare is an error: its type might be another.
MUSL_PROGRAM_CFLAGS = $(COMMON) $(CFLAGS) -fstack-protector-strong -fPIE -fvisibility=hidden -ffunction-sections \
	-fdata-sections -Werror=implicit-function-declaration -Werror=int-conversion -Werror=incompatible-pointer-types \
	$(CARRY_CFLAGS) $(CPPFLAGS) -include nsutil/musl/gnu.h -idirafter nsutil/musl \
	-idirafter /usr/include -idirafter /usr/include/$(MULTIARCH)
MUSL_LDFLAGS := -static -no-pie -s -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noseparate-code -Wl,--build-id=none

# musl-gcc knows no -static-pie: it takes another file to start with, which relocates the program. What comes behind the
# libraries in a link is in MUSL_PROGRAM_END.
MUSL_DIR = $(dir $(lastword $(filter %/Scrt1.o,$(shell $(MUSL_CC) -\#\#\# -x c /dev/null 2>&1))))
MUSL_PROGRAM_LDFLAGS = -static -Wl,-pie,--no-dynamic-linker,-z,text -Wl,--gc-sections $(LDFLAGS_ALL) -nostartfiles \
	$(addprefix $(MUSL_DIR),rcrt1.o crti.o) $(shell $(MUSL_CC) -print-file-name=crtbeginS.o)
MUSL_PROGRAM_END = $(shell $(MUSL_CC) -print-file-name=crtendS.o) $(MUSL_DIR)crtn.o
# The very files that scripts/program-libc has looked into.
STATIC_LIBS = $(foreach lib,$(LIBS),$(shell $(CC) -print-file-name=$(patsubst -l%,lib%.a,$(lib))))

# ---- Objects ----

O := $(B)/obj
objects = $(patsubst %.c,$(O)/%.o,$(1))
init_objects = $(patsubst %.c,$(B)/init/%.o,$(1))
IMAGE_OBJS := $(O)/nsutil/init_image.S.o $(O)/runtime/seccomp_image.S.o $(O)/runtime/unpack_image.S.o
LIB_OBJS := $(call objects,$(LIB_SRCS)) $(IMAGE_OBJS)
ARGS_OBJS := $(call objects,$(ARGS_SRCS))
INIT_OBJS := $(call init_objects,$(INIT_SRCS) $(INIT_SHARED_SRCS))
SUPPORT_OBJS := $(call objects,$(SUPPORT_SRCS))
BENCH_OBJS := $(call objects,$(BENCH_SRCS))
LXC_OBJS := $(call objects,$(LXC_SRCS))
# What the programs are made of.
musl_objects = $(patsubst %.c,$(B)/musl/%.o,$(1))
program_objects = $(if $(filter musl,$(PROGRAM_LIBC)),$(musl_objects),$(objects))
BERTH_OBJS := $(call program_objects,$(CLI_SRCS) $(ARGS_SRCS))
BERTH_LXC_OBJS := $(call program_objects,$(LXC_SRCS) $(ARGS_SRCS))
PROGRAM_LIB := $(if $(filter musl,$(PROGRAM_LIBC)),$(B)/musl/libberth.a,$(B)/libberth.a)
PROGRAM_LIB_OBJS := $(call musl_objects,$(LIB_SRCS) $(MUSL_SRCS)) $(IMAGE_OBJS)
# What suites are linked with beside the library.
SUITE_OBJS_cli := $(ARGS_OBJS)
SUITE_OBJS_lxc := $(ARGS_OBJS) $(filter-out %/main.o,$(LXC_OBJS)) $(call objects,tests/runtime/debris.c)
SUITE_OBJS_slave := $(call objects,tests/lxc/fixture.c tests/runtime/debris.c)
SUITE_OBJS_figures := $(call objects,$(addprefix tests/bench/,samples.c figures.c targets.c compare.c fail.c))
SUITE_OBJS_memory := $(call objects,$(addprefix tests/runtime/,fixture.c jobs.c debris.c))
SUITE_OBJS_attack := $(SUITE_OBJS_memory) $(call objects,tests/runtime/idmapped.c)

PROGRAM := $(if $(CLI_SRCS),$(B)/berth)
LXC_PROGRAMS := $(if $(LXC_SRCS),$(B)/lxc/berth-lxc $(addprefix $(B)/lxc/,$(LXC_COMMANDS)))
PAYLOADS := $(patsubst tests/payload/%.c,$(B)/tests/payload/%,$(PAYLOAD_SRCS))
SUITE_PROGRAMS := $(addprefix $(B)/tests/,$(SUITES))
BENCH := $(B)/bench/bench $(B)/tests/payload/idle
LIBRARIES := $(B)/libberth.a $(B)/libberth.so $(B)/libberth.so.$(ABI)

.PHONY: all tests check check-full check-schedules check-v2 check-san fuzz fuzz-smoke fuzz-targets check-debian bench bench-v2 bench-compare lint fmt demo install uninstall clean bootstrap FORCE
all: $(LIBRARIES) $(PROGRAM) $(LXC_PROGRAMS) $(B)/berth.pc
tests: all $(PAYLOADS) $(SUITE_PROGRAMS) $(BENCH) $(B)/tests/suites

# A file that changes only when the text does: what depends on it is rebuilt when flags, or the list
# of sources, are other than last time.
define remember
	$(shell mkdir -p $(@D))$(file >$@.new,$(1))
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endef
$(B)/flags: FORCE
	$(call remember,$(CC) $(CFLAGS_ALL) / $(PROGRAM_LIBC) $(PROGRAM_LDFLAGS) / $(MUSL_CC) $(MUSL_CFLAGS) $(MUSL_LDFLAGS) / \
		$(MUSL_PROGRAM_CFLAGS))
$(B)/sources: FORCE
	$(call remember,$(LIB_SRCS) / $(CLI_SRCS) $(ARGS_SRCS) / $(INIT_OBJS) / $(LXC_SRCS) / $(MUSL_SRCS) / $(wildcard tests/*/*.c))
$(B)/tests/suites: FORCE
	$(call remember,$(SUITES))

# Asked once for each build directory: is what the build needs there?
TOOLS := $(B)/tools-found
$(TOOLS): scripts/check-tools
	@mkdir -p $(@D)
	@CC='$(CC)' MUSL_CC='$(MUSL_CC)' STATIC='$(STATIC)' PROGRAM_LIBC='$(PROGRAM_LIBC)' LIBS='$(LIBS)' \
		scripts/check-tools
	@touch $@

$(O)/%.o: %.c $(B)/flags | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# Runs between clone and exec, on a small stack and beside the caller's: nothing that a sanitizer would add.
$(call objects,$(CARRY_SRCS)) $(call musl_objects,$(CARRY_SRCS)): CARRY_CFLAGS := -fno-sanitize=all -Wframe-larger-than=6144

$(B)/init/%.o: %.c $(B)/flags | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(MUSL_CFLAGS) -c -o $@ $<

$(B)/musl/%.o: %.c $(B)/flags | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(MUSL_PROGRAM_CFLAGS) -c -o $@ $<

$(B)/berth-init: $(INIT_OBJS) $(B)/flags $(B)/sources
	$(call say,LINK,$@)
	$(Q)$(MUSL_CC) $(MUSL_LDFLAGS) -o $@ $(filter %.o,$^)

$(O)/nsutil/init_image.S.o: nsutil/init_image.S $(B)/berth-init
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) -DINIT_IMAGE_PATH='"$(B)/berth-init"' -c -o $@ $<

# The default seccomp filter is made here, by what makes others at a launch.
GENERATOR_OBJS := $(call objects,runtime/seccomp/generate.c runtime/seccomp_default.c runtime/seccomp_numbers.c \
	runtime/seccomp_program.c nsutil/base/error.c nsutil/base/text.c)
$(B)/seccomp-generate: $(GENERATOR_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ -lseccomp

$(B)/seccomp-default: $(B)/seccomp-generate
	$(call say,BPF,$@)
	$(Q)$< $@

$(O)/runtime/seccomp_image.S.o: runtime/seccomp_image.S $(B)/seccomp-default
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) -DSECCOMP_IMAGE_PATH='"$(B)/seccomp-default"' -c -o $@ $<

# What unpacks archives is started only when there is one to unpack, and brings libarchive in only then.
UNPACK_OBJS := $(call objects,$(sort $(wildcard runtime/unpack/*.c)) nsutil/base/text.c)
$(B)/berth-unpack: $(UNPACK_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) -pie -s $(LDFLAGS_ALL) -o $@ $^ -larchive

$(O)/runtime/unpack_image.S.o: runtime/unpack_image.S $(B)/berth-unpack
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) -DUNPACK_IMAGE_PATH='"$(B)/berth-unpack"' -c -o $@ $<

$(B)/libberth.a: $(LIB_OBJS) $(B)/sources
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(B)/libberth.so: $(LIB_OBJS) $(B)/sources
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,libberth.so.$(ABI) -Wl,-z,defs $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIBS)

# For LD_LIBRARY_PATH=build.
$(B)/libberth.so.$(ABI): $(B)/libberth.so
	@ln -sf libberth.so $@

$(B)/musl/libberth.a: $(PROGRAM_LIB_OBJS) $(B)/sources
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

# The programs carry the library in themselves: one file to copy.
ifeq ($(PROGRAM_LIBC),musl)
define program_link
	$(Q)CC='$(CC)' LIBS='$(LIBS)' scripts/program-libc --check
	$(Q)$(MUSL_CC) $(MUSL_PROGRAM_LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(PROGRAM_LIB) $(STATIC_LIBS) -Wl,--end-group $(MUSL_PROGRAM_END)
endef
else
define program_link
	$(Q)$(CC) $(PROGRAM_LDFLAGS) -o $@ $(filter %.o,$^) $(PROGRAM_LIB) $(LIBS)
endef
endif

$(B)/berth: $(BERTH_OBJS) $(PROGRAM_LIB) $(B)/sources
	$(call say,LINK,$@)
	$(program_link)

$(B)/lxc/berth-lxc: $(BERTH_LXC_OBJS) $(PROGRAM_LIB) $(B)/sources
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(program_link)

$(B)/lxc/lxc-%: $(B)/lxc/berth-lxc
	@ln -sf berth-lxc $@

$(B)/tests/payload/%: tests/payload/%.c $(B)/flags | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(MUSL_CFLAGS) $(MUSL_LDFLAGS) -MF $@.d -o $@ $<

$(B)/bench/bench: $(BENCH_OBJS) $(B)/libberth.a $(B)/sources
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(B)/libberth.a $(LIBS) -lpthread -lm

FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(B)/targets/%,$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_OBJS := $(ARGS_OBJS) $(call objects,$(wildcard tests/fuzz/common/*.c)) $(filter-out %/main.o,$(LXC_OBJS))
$(B)/targets/%: $(O)/tests/fuzz/%.o $(FUZZ_OBJS) $(B)/libberth.a $(B)/sources
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -pie -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(B)/libberth.a $(LIBS)

define suite_rule
$(B)/tests/$(1): $(call objects,$(sort $(wildcard tests/$(1)/*.c))) $(SUPPORT_OBJS) $(SUITE_OBJS_$(1)) $(B)/libberth.a $(B)/sources
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) -pie $$(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) $(B)/libberth.a $(LIBS) -lcriterion -larchive -lutil -lpthread -lm
endef
$(foreach suite,$(SUITES),$(eval $(call suite_rule,$(suite))))

$(B)/berth.pc: runtime/berth.pc.in $(B)/pc-values
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LIBS)|' $< >$@
$(B)/pc-values: FORCE
	$(call remember,$(PREFIX) $(LIBDIR) $(INCLUDEDIR) $(VERSION) $(LIBS))

# Headers and rules of objects; whatever was built once brings its own.
-include $(wildcard $(patsubst %.o,%.d,$(LIB_OBJS) $(BERTH_OBJS) $(BERTH_LXC_OBJS) $(PROGRAM_LIB_OBJS) $(ARGS_OBJS) \
	$(INIT_OBJS) $(SUPPORT_OBJS) $(LXC_OBJS) $(BENCH_OBJS) $(GENERATOR_OBJS) $(UNPACK_OBJS) \
	$(call objects,$(wildcard $(addprefix tests/,$(addsuffix /*.c,$(SUITES)))))) $(addsuffix .d,$(PAYLOADS)))

# ---- Checks: each installs, then builds (a second make, which sees what was installed), then runs ----

# As many jobs as processors, unless the caller said how many.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

bootstrap:
	@scripts/bootstrap

check: bootstrap
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@scripts/run-tests --build build

check-v2:
	@scripts/bootstrap --v2
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@scripts/vm-v2 scripts/run-tests --build build

check-schedules: bootstrap
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@BERTH_FULL_SCHEDULES=1 BERTH_TEST_TIMEOUT=600 scripts/run-tests --build build --filter 'memory_schedules*/*' memory

check-san:
	@scripts/bootstrap --san
	@$(MAKE) --no-print-directory $(PARALLEL) SAN=1 tests
	@scripts/run-tests --build build/san

# FUZZ_TIME: seconds for each target.
FUZZ_TIME ?= 30
fuzz:
	@scripts/bootstrap --fuzz
	@$(MAKE) --no-print-directory $(PARALLEL) FUZZ=1 fuzz-targets
	@scripts/fuzz --time $(FUZZ_TIME)

fuzz-smoke:
	@$(MAKE) --no-print-directory fuzz FUZZ_TIME=3

fuzz-targets: $(FUZZ_TARGETS)

check-debian:
	@scripts/bootstrap --slow
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@tests/system/debian

check-full: bootstrap
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@BERTH_TEST_FULL_LENGTH=1 BERTH_FULL_SCHEDULES=1 BERTH_FULL_SOAK=1 BERTH_TEST_TIMEOUT=1200 \
		scripts/run-tests --build build slave memory attack

lint:
	@scripts/bootstrap --lint
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@scripts/lint

bench bench-v2: bootstrap
	@$(MAKE) --no-print-directory $(PARALLEL) all $(BENCH)
	@scripts/bench $(if $(filter bench-v2,$@),--v2)

# NEW: the last result, unless named.
bench-compare: $(BENCH)
	@test -n "$(OLD)" || { echo "name what to compare with: make bench-compare OLD=FILE" >&2; exit 2; }
	@$(B)/bench/bench compare $(OLD) $(or $(NEW),$(shell ls -t $(B)/bench/*.json 2>/dev/null | head -n 1))

demo: bootstrap
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@scripts/demo

fmt:
	@scripts/lint --fix-format

# ---- Installation ----

install: all
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	$(if $(PROGRAM),$(INSTALL) -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/)
	$(INSTALL) -m 644 $(B)/libberth.a $(DESTDIR)$(LIBDIR)/
	$(INSTALL) -m 755 $(B)/libberth.so $(DESTDIR)$(LIBDIR)/libberth.so.$(VERSION)
	ln -sf libberth.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libberth.so.$(ABI)
	ln -sf libberth.so.$(ABI) $(DESTDIR)$(LIBDIR)/libberth.so
	$(INSTALL) -m 644 runtime/berth.h $(DESTDIR)$(INCLUDEDIR)/
	$(INSTALL) -m 644 $(B)/berth.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	$(if $(LXC_PROGRAMS),$(INSTALL) -d $(DESTDIR)$(LXCDIR))
	$(if $(LXC_PROGRAMS),$(INSTALL) -m 755 $(B)/lxc/berth-lxc $(DESTDIR)$(LXCDIR)/)
	@set -e; for command in $(LXC_COMMANDS); do ln -sf berth-lxc $(DESTDIR)$(LXCDIR)/$$command; done
	@set -e; for page in $(MAN_PAGES); do \
		$(INSTALL) -d $(DESTDIR)$(MANDIR)/man$${page##*.}; \
		$(INSTALL) -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/; done
	$(if $(COMPLETION),$(INSTALL) -d $(DESTDIR)$(COMPLETIONDIR))
	$(if $(COMPLETION),$(INSTALL) -m 644 $(COMPLETION) $(DESTDIR)$(COMPLETIONDIR)/berth)
	@test -n "$(DESTDIR)" || ldconfig 2>/dev/null || :

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/berth $(DESTDIR)$(INCLUDEDIR)/berth.h $(DESTDIR)$(LIBDIR)/pkgconfig/berth.pc
	rm -f $(DESTDIR)$(LIBDIR)/libberth.a $(DESTDIR)$(LIBDIR)/libberth.so*
	rm -f $(addprefix $(DESTDIR)$(LXCDIR)/,$(notdir $(LXC_PROGRAMS)))
	@for directory in $(DESTDIR)$(LXCDIR) $(patsubst %/,%,$(dir $(DESTDIR)$(LXCDIR))); do \
		test ! -d $$directory || rmdir --ignore-fail-on-non-empty $$directory; done
	@for page in $(MAN_PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done
	rm -f $(DESTDIR)$(COMPLETIONDIR)/berth
	@test -n "$(DESTDIR)" || ldconfig 2>/dev/null || :

clean:
	rm -rf build
