# bpf: programs that run in the kernel. X.bpf.c -> .out/bpf/X.bpf.o -> .out/gen/X.skel.h. A program
# that reads kernel structures includes vmlinux.h, which is made from the running kernel's BTF.
# Without BTF that program is left out.
BPFTOOL		?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
VMLINUX_BTF	?= /sys/kernel/btf/vmlinux
BPF_ARCH	:= $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
BPF_CFLAGS	:= -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -g -O2 -std=gnu11 \
		   -I. -I$(O)/gen -I/usr/include/$(shell $(CC) -print-multiarch) -fdebug-prefix-map=$(CURDIR)=. \
		   -MMD -MP -Wall -Wextra -Wno-unused-function -Wno-unused-parameter $(if $(WERROR),-Werror)
BPF_SRC		:= $(wildcard bpf/*.bpf.c)
BPF_SKEL	:= $(BPF_SRC:bpf/%.bpf.c=$(O)/gen/%.skel.h)
.SECONDARY: $(BPF_SRC:%.c=$(O)/%.o)

$(O)/gen/vmlinux.h: $(VMLINUX_BTF)
	@mkdir -p $(@D)
	$(call quiet,BTF)$(BPFTOOL) btf dump file $< format c > $@

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call quiet,BPF)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/gen/%.skel.h: $(O)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(call quiet,SKEL)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# Without clang or bpftool `berth` is built without the bpf backend, and `--backend bpf` says so.
ifneq ($(and $(shell command -v $(CLANG)),$(wildcard $(BPFTOOL))),)
$(O)/tools/isolate/bpf.o: $(O)/gen/remap.skel.h
$(O)/tools/isolate/bpf.o: BASE_CFLAGS += -isystem $(O)/gen
$(O)/tools/isolate/isolate.o $(O)/tools/isolate/bpf.o: BASE_CFLAGS += -DBERTH_HAVE_BPF
else
$(info note: clang or bpftool is missing: built without the bpf backend)
TOOLS_LEFT_OUT	+= tools/isolate/bpf.c
endif

# The monitor reads kernel structures; without it `berth` watches by sampling.
ifneq ($(and $(shell command -v $(CLANG)),$(wildcard $(BPFTOOL)),$(wildcard $(VMLINUX_BTF))),)
$(O)/bpf/monitor.bpf.o: | $(O)/gen/vmlinux.h
$(O)/tools/watch/source/monitor.o: $(O)/gen/monitor.skel.h
$(O)/tools/watch/source/monitor.o: BASE_CFLAGS += -isystem $(O)/gen
else
TOOLS_LEFT_OUT	+= tools/watch/source/monitor.c
endif
