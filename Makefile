# SPDX-License-Identifier: GPL-2.0-only
# `sudo make demo` and `sudo make check` are all a newcomer needs; README.md explains them.
PREFIX ?= /usr/local
CC ?= cc
CLANG ?= clang
V ?= 0
ASAN ?= 0
B := build$(if $(filter 1,$(ASAN)),-asan)
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2);)

ARCH := $(patsubst aarch64,arm64,$(shell uname -m))
BPF_TARGET := $(patsubst x86_64,x86,$(ARCH))

CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -MMD -MP
ifeq ($(ASAN),1)
CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
LIBS_LIVE := -lbpf -lelf -lz
BPF_CFLAGS := -O2 -g -target bpf -D__TARGET_ARCH_$(BPF_TARGET) -Wall -Werror -Ivmlinux/$(ARCH) -Ibpf -MMD -MP

# Everything that neither needs a kernel nor root: the unit tests link this and nothing more.
PURE := $(wildcard src/lib/*.c src/events/*.c src/model/*.c src/analysis/*.c src/output/*.c) src/collect/probes.c
LIVE := $(filter-out $(PURE),$(wildcard src/*.c src/collect/*.c))
PURE_O := $(PURE:%.c=$(B)/%.o)
LIVE_O := $(LIVE:%.c=$(B)/%.o) $(B)/src/collect/embed.o
BPF_O := $(B)/bpf/connlife.bpf.o $(B)/bpf/snapshot.bpf.o

all: deps-hint $(B)/connlife connlife
.PHONY: all deps deps-hint demo check check-vm bench install clean unit

connlife: $(B)/connlife
	$(Q)ln -sf $< $@

$(B)/connlife: $(PURE_O) $(LIVE_O)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_LIVE)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -c -o $@ $<

$(B)/src/collect/embed.o: src/collect/embed.S $(BPF_O)
	@mkdir -p $(@D)
	$(call say,AS,$<)$(CC) -DBPF_DIR=$(B)/bpf -c -o $@ $<

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

clean:
	rm -rf build build-asan connlife

-include $(PURE_O:.o=.d) $(LIVE_O:.o=.d) $(BPF_O:.o=.d)
