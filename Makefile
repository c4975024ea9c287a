# SPDX-License-Identifier: GPL-2.0-only
# `sudo make demo` and `sudo make check` are all a newcomer needs; README.md explains the rest.
PREFIX ?= /usr/local
CC = cc
CLANG ?= clang
V ?= 0
ASAN ?= 0
HOST_ARCH := $(patsubst aarch64,arm64,$(shell uname -m))
ARCH ?= $(HOST_ARCH)
B := build$(if $(filter $(HOST_ARCH),$(ARCH)),,-$(ARCH))$(if $(filter 1,$(ASAN)),-asan)
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2);)

CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -MMD -MP
ifeq ($(ASAN),1)
override CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=address,undefined
endif
LIBS := -lbpf -lelf -lz
BPF_CFLAGS := -O2 -g -target bpf -D__TARGET_ARCH_$(patsubst x86_64,x86,$(ARCH)) -Wall -Werror -Ivmlinux/$(ARCH) -Ibpf \
	-MMD -MP

# Everything that needs neither a kernel nor root; unit tests link no more than this.
PURE := $(wildcard src/lib/*.c src/events/*.c src/model/*.c src/analysis/*.c src/output/*.c) src/collect/probes.c
LIVE := $(filter-out $(PURE),$(wildcard src/*.c src/collect/*.c))
PURE_O := $(PURE:%.c=$(B)/%.o)
LIVE_O := $(LIVE:%.c=$(B)/%.o) $(B)/src/collect/embed.o
BPF_O := $(B)/bpf/connlife.bpf.o $(B)/bpf/connlife-5.10.bpf.o $(B)/bpf/snapshot.bpf.o
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
WORKLOADS := $(addprefix $(B)/workloads/,conn hold netns_run bpf_ids leaker healthy)

.PHONY: all deps build-deps demo check check-vm bench install clean tests arm64
all: build-deps connlife

build-deps:
	@tools/deps build

deps:
	@tools/deps build check arm64 vm real

connlife: $(B)/connlife
	$(Q)ln -sf $< $@

$(B)/connlife: $(PURE_O) $(LIVE_O)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: %.c | build-deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -c -o $@ $<

$(B)/src/collect/embed.o: src/collect/embed.S $(BPF_O)
	@mkdir -p $(@D)
	$(call say,AS,$<)$(CC) -DBPF_DIR=$(B)/bpf -c -o $@ $<

$(B)/bpf/%.bpf.o: bpf/%.bpf.c | build-deps
	@mkdir -p $(@D)
	$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

# Atomic instructions (v3). Kernels that know none but add refuse a program that has one, even where it is never reached.
$(B)/bpf/connlife.bpf.o: BPF_CFLAGS += -mcpu=v3
$(B)/bpf/connlife-5.10.bpf.o: bpf/connlife.bpf.c | build-deps
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -DWITHOUT_ATOMICS -c -o $@ $<

demo: all $(B)/demo
	@tools/demo/run $(B)/connlife $(B)/demo

$(B)/demo: tools/demo/demo.c
	$(call say,CC,$<)$(CC) $(CFLAGS) -pthread -o $@ $<

# --- tests ----------------------------------------------------------------------------------------------------------

check: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all tests
	@tests/run

check-vm: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all tests
	@tests/run vm

tests: $(UNIT) $(WORKLOADS) $(B)/make_golden $(B)/bench/churn

# Unit tests link the whole pure part as an archive, and neither libbpf nor libdw: a layer leak fails the link.
$(B)/libpure.a: $(PURE_O)
	$(Q)rm -f $@; $(AR) rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/libpure.a
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CFLAGS) -Isrc $(LDFLAGS) -o $@ $< $(B)/libpure.a -lcmocka -lz

$(B)/make_golden: tests/recordings/make_golden.c $(B)/libpure.a
	$(call say,CC,$<)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lz

# Workloads run in virtual machines too: static.
W := tests/workloads
$(B)/workloads/conn: $(wildcard $(W)/conn*.c) $(W)/truth.c $(W)/pass_fd.c
$(B)/workloads/hold: $(W)/hold.c
$(B)/workloads/netns_run: $(W)/netns_run.c
$(B)/workloads/bpf_ids: $(W)/bpf_ids.c
$(B)/workloads/leaker: $(wildcard $(W)/leaker*.c $(W)/leak_*.c) $(W)/pass_fd.c
$(B)/workloads/healthy: $(wildcard $(W)/healthy*.c $(W)/leak_*.c) $(W)/pass_fd.c
$(B)/bench/churn: tools/bench/churn.c
$(WORKLOADS) $(B)/bench/churn: | build-deps
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(filter-out -MMD -MP -D_GNU_SOURCE -fsanitize=%,$(CFLAGS)) -pthread -static -o $@ $(filter %.c,$^)
$(WORKLOADS): $(wildcard $(W)/*.h)

# A static arm64 program from Debian's libraries, in every run of the tests.
arm64:
	$(Q)root=$$(tests/vm/arm64-sysroot) && $(MAKE) --no-print-directory ARCH=arm64 \
		CC="aarch64-linux-gnu-gcc --sysroot=$$root -idirafter /usr/include" LDFLAGS=-static build-arm64/connlife

bench: all $(B)/bench/churn
	@tools/bench/bench.py

# --- installation -----------------------------------------------------------------------------------------------------

install: all
	install -D -m 755 $(B)/connlife $(DESTDIR)$(PREFIX)/sbin/connlife
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/connlife/README.md

clean:
	rm -rf build build-* connlife

-include $(PURE_O:.o=.d) $(LIVE_O:.o=.d) $(BPF_O:.o=.d) $(UNIT:=.d)
