# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# make [all]          build/lb4 and build/lb4ctl
# make tools          build/tools/*: what the tests and the demo are played with
# make check          unit tests, fuzz seeds, integration tests: one line sums up
#      TESTS=a,b      only these: relay (test_relay, fuzz_relay), 20-reload
# make asan, tsan     the same under AddressSanitizer + UBSan, ThreadSanitizer
#      GOALS=units    builds that instead, there
# make fuzz           fuzz each parser with clang for FUZZ_SECONDS (60)
# make soak, bench    the long run; the measurements
# make lint           layout, static analysis, documents against code
# make install        to DESTDIR and PREFIX (/usr/local); uninstall undoes it
# make clean, help
#
# BUILD=dir builds elsewhere, V=1 shows commands, WERROR=1 stops at a warning.
# CFLAGS, CPPFLAGS and LDFLAGS are added to ours; CC=clang works.

BUILD ?= build
O = $(BUILD)/obj
PREFIX ?= /usr/local
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
CONFIG = $(SYSCONFDIR)/lb4
FUZZ_SECONDS ?= 60
TESTS ?=
GOALS ?= check
SAN ?=
PKGS = inih libbsd liburcu-qsbr jansson libmicrohttpd libcares openssl

ifeq ($(filter clean help uninstall,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists $(PKGS) ncursesw && echo found),found)
$(error no pkg-config, or one of $(PKGS) ncursesw is missing: run scripts/setup build)
endif
endif
pkg = $(shell pkg-config $(1) $(2))
PKG_CFLAGS := $(call pkg,--cflags,$(PKGS))
PKG_LIBS := $(call pkg,--libs,$(PKGS))
CHECK_LIBS = $(call pkg,--libs,check)
CTL_LIBS := $(call pkg,--libs,ncursesw)

VERSION := $(shell { test -e .git && git describe --always --dirty --tags; } \
	2>/dev/null || { sed -n 's/^.*[^0-9]\([0-9]\+\.[0-9.]*[0-9]\).*/\1/p' \
	CHANGELOG.md 2>/dev/null; echo 0.1.0; } | head -n 1)

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla \
	-Wformat=2 -Wimplicit-fallthrough
HARDEN = -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
our_cflags = -std=gnu11 -O2 -g $(WARN) -fPIE -pthread \
	$(if $(SAN),$(SAN) -fno-omit-frame-pointer,$(HARDEN)$(if \
	$(filter-out 0,$(WERROR)), -Werror))
our_cppflags = -D_GNU_SOURCE -I. $(PKG_CFLAGS)
our_ldflags = -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN)
compile = $(CC) $(our_cflags) $(CFLAGS) $(our_cppflags) $(CPPFLAGS)
link = $(CC) $(our_ldflags) $(CFLAGS) $(LDFLAGS)

Q = $(if $(filter-out 0,$(V)),,@)
silent = $(filter-out 0,$(V))$(findstring s,$(firstword -$(MAKEFLAGS)))
say = @mkdir -p $(@D)$(if $(silent),,; echo '  $(1)	$@')
objs = $(patsubst %.c,$(O)/%.o,$(1))

COMMON = $(wildcard common/*.c)
CTL = $(wildcard lb4/ctl/*.c)
LB4 = $(filter-out $(CTL),$(wildcard lb4/*/*.c))
UNIT = $(wildcard test/unit/test_*.c)
UNIT_HELP = $(filter-out $(UNIT),$(wildcard test/unit/*.c))
FUZZ = $(wildcard test/fuzz/fuzz_*.c)
mains = $(if $(wildcard $(1)),$(shell grep -l '^main' $(wildcard $(1))))
TOOL := $(call mains,test/tools/*.c)
TOOL_HELP = $(filter-out $(TOOL),$(wildcard test/tools/*.c))
BENCH := $(call mains,test/bench/*.c)
BENCH_HELP = $(filter-out $(BENCH),$(wildcard test/bench/*.c))
SRC = $(COMMON) $(LB4) $(CTL) $(wildcard lb4/*.c test/*/*.c)

PROGRAMS = $(BUILD)/lb4 $(if $(CTL),$(BUILD)/lb4ctl)
UNITS = $(patsubst test/unit/%.c,$(BUILD)/test/%,$(UNIT))
FUZZERS = $(patsubst test/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ))
TOOLS = $(patsubst test/tools/%.c,$(BUILD)/tools/%,$(TOOL))
TOOLBOX ?= $(BUILD)/tools
BENCHES = $(patsubst test/bench/%.c,$(BUILD)/bench/%,$(BENCH))
ARCHIVES = $(BUILD)/liblb4.a $(BUILD)/libctl.a $(BUILD)/libcommon.a

all: $(PROGRAMS)
# Under a sanitizer, the tests run the tools of the ordinary build: TOOLBOX.
tools: $(if $(SAN),,$(TOOLS)) $(BUILD)/lb4-next
units: $(UNITS)
fuzzers: $(FUZZERS)

# A stamp changes when what it holds does: flags, version, lists of sources.
stamp = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(O)/flags: FORCE
	$(call stamp,$(compile) $(link))
$(O)/version: FORCE
	$(call stamp,$(VERSION))
$(O)/paths: FORCE
	$(call stamp,$(SYSCONFDIR))
$(O)/sources: FORCE
	$(call stamp,$(COMMON) $(LB4) $(CTL))

$(O)/%.o: %.c $(O)/flags
	$(call say,CC)
	$(Q)$(compile) $(DEFINE) -MMD -MP -c -o $@ $<
$(O)/lb4/main.o $(O)/lb4/ctl/main.o: $(O)/version
$(O)/lb4/main.o $(O)/lb4/ctl/main.o: DEFINE = -DLB4_VERSION='"$(VERSION)"'
$(O)/lb4/http/page.o: $(wildcard lb4/http/page/*)
$(O)/lb4/process/options.o: $(O)/paths
$(O)/lb4/process/options.o: DEFINE = -DOPTIONS_FILE='"$(CONFIG)/lb4.ini"'

$(BUILD)/libcommon.a: $(call objs,$(COMMON))
$(BUILD)/liblb4.a: $(call objs,$(LB4))
$(BUILD)/libctl.a: $(call objs,$(filter-out lb4/ctl/main.c,$(CTL)))
$(ARCHIVES): $(O)/sources
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/lb4: $(O)/lb4/main.o $(O)/lb4/serve.o
$(BUILD)/lb4ctl: $(O)/lb4/ctl/main.o
$(BUILD)/lb4ctl: LIBS = $(CTL_LIBS)
# lb4 as the next version would be (test/next/next.c).
$(BUILD)/lb4-next: $(O)/lb4/main.o $(O)/lb4/serve.o \
	$(O)/test/next/next.o
$(BUILD)/lb4-next: LIBS = $(addprefix \
	-Wl$(comma)--wrap=,link_send link_send_fds link_receive record_write \
	record_read malloc calloc reallocarray aligned_alloc)
$(TOOLS): $(BUILD)/tools/%: $(O)/test/tools/%.o $(call objs,$(TOOL_HELP))
$(BENCHES): $(BUILD)/bench/%: $(O)/test/bench/%.o \
	$(call objs,$(BENCH_HELP) $(TOOL_HELP))
$(UNITS): $(BUILD)/test/%: $(O)/test/unit/%.o $(call objs,$(UNIT_HELP))
$(UNITS): LIBS = $(CHECK_LIBS)
# Without an ENGINE (libFuzzer is one), replay.c's main feeds a fuzzer its seeds.
$(FUZZERS): $(BUILD)/fuzz/%: $(O)/test/fuzz/%.o \
	$(if $(ENGINE),,$(O)/test/fuzz/replay.o)
$(FUZZERS): LIBS = $(ENGINE)
$(BUILD)/lb4 $(BUILD)/lb4ctl $(BUILD)/lb4-next $(TOOLS) $(BENCHES) \
		$(UNITS) $(FUZZERS): $(ARCHIVES)
	$(call say,LD)
	$(Q)$(link) -o $@ $(filter %.o,$^) $(ARCHIVES) $(PKG_LIBS) $(LIBS)

check: all tools units fuzzers
	$(Q)BUILD='$(BUILD)' TOOLS='$(TOOLBOX)' SAN='$(SAN)' \
		scripts/check $(subst $(comma), ,$(TESTS))
comma = ,

asan: $(TOOLS)
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/asan \
		TOOLBOX='$(TOOLBOX)' $(GOALS) \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
tsan: $(TOOLS)
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan \
		TOOLBOX='$(TOOLBOX)' $(GOALS) \
		SAN='-fsanitize=thread'
fuzz:
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=clang fuzzers \
		ENGINE=-fsanitize=fuzzer \
		SAN='-fsanitize=fuzzer-no-link,address,undefined'
	$(Q)set -e; for n in $(if $(TESTS),$(subst $(comma), ,$(TESTS)),\
		$(patsubst test/fuzz/fuzz_%.c,%,$(FUZZ))); do \
		new=$(BUILD)/clang/corpus/$$n; mkdir -p $$new; echo "fuzz $$n"; \
		$(BUILD)/clang/fuzz/fuzz_$$n -max_total_time=$(FUZZ_SECONDS) \
		-artifact_prefix=$$new- $$new \
		$$(find test/fuzz/seeds/$$n -maxdepth 0); done

bench: $(BENCHES)
soak bench: all tools
	$(Q)BUILD='$(BUILD)' LB4='$(BUILD)/lb4' TOOLS='$(BUILD)/tools' \
		BENCH='$(BUILD)/bench' test/$@/run
soak: soak-page
soak-page: all tools
	$(Q)BUILD='$(BUILD)' test/soak/page-hour
lint: all
	$(Q)BUILD='$(BUILD)' scripts/lint

SBIN = $(DESTDIR)$(PREFIX)/sbin
MAN = $(DESTDIR)$(PREFIX)/share/man
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
CONF = $(DESTDIR)$(CONFIG)
SHARE = $(DESTDIR)$(PREFIX)/share/lb4
COMPLETION = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
UNITFILES = lb4.service lb4-watch.service
ROTATE = $(DESTDIR)$(SYSCONFDIR)/logrotate.d/lb4
PAGES = $(wildcard man/*.[1-9])
page = $(MAN)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
# Units and pages have the paths of PREFIX=/usr/local.
PATHS = s|/usr/local/|$(PREFIX)/|g; s|/etc/lb4/|$(CONFIG)/|g; \
	s|/etc/logrotate.d/|$(SYSCONFDIR)/logrotate.d/|g

install: all
	install -d $(SBIN) $(UNITDIR) $(CONF)
	install $(PROGRAMS) $(SBIN)
	install -D -m 644 -t $(SHARE)/schema etc/schema/*.json
	install -D -m 644 -t $(SHARE)/prometheus etc/prometheus/*.yml
	install -D -m 644 -t $(SHARE)/grafana etc/grafana/*.json
	install -D -m 644 etc/lb4ctl.bash-completion $(COMPLETION)/lb4ctl
	install -m 644 etc/lb4.ini $(CONF)/lb4.ini.sample
	test -e $(CONF)/lb4.ini || install -m 644 etc/lb4.ini $(CONF)/lb4.ini
	test -e $(ROTATE) || install -D -m 644 etc/lb4.logrotate $(ROTATE)
	for file in $(UNITFILES:%=etc/%) $(PAGES); do case $$file in \
		*.service) to=$(UNITDIR) ;; *) to=$(MAN)/man$${file##*.} ;; esac; \
		install -d $$to && sed '$(PATHS)' $$file >$$to/$${file##*/} && \
		chmod 644 $$to/$${file##*/} || exit 1; done
	cd etc && for file in lb4.socket $$(find examples -type f \
		! -path '*/__pycache__/*'); do \
		mode=644; test ! -x $$file || mode=755; \
		install -D -m $$mode $$file $(abspath $(SHARE))/examples/$${file#*/} \
		|| exit 1; done
# What was edited of lb4.ini and logrotate's file stays.
uninstall:
	rm -f $(addprefix $(SBIN)/,lb4 lb4ctl) \
		$(addprefix $(UNITDIR)/,$(UNITFILES)) \
		$(foreach p,$(PAGES),$(call page,$(p))) $(COMPLETION)/lb4ctl
	rm -rf $(addprefix $(SHARE)/,schema examples prometheus grafana)
	! test -d $(SHARE) || rmdir --ignore-fail-on-non-empty $(SHARE)
	! cmp -s $(CONF)/lb4.ini $(CONF)/lb4.ini.sample || rm $(CONF)/lb4.ini
	rm -f $(CONF)/lb4.ini.sample
	! cmp -s $(ROTATE) etc/lb4.logrotate || rm $(ROTATE)
	! test -d $(CONF) || rmdir --ignore-fail-on-non-empty $(CONF)

clean:
	rm -rf $(BUILD)
help:
	@sed -n '4,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: all tools units fuzzers check asan tsan fuzz soak soak-page bench lint install \
	uninstall clean help FORCE
.DELETE_ON_ERROR:
-include $(patsubst %.o,%.d,$(call objs,$(SRC)))
