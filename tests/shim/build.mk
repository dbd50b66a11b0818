# SPDX-License-Identifier: MIT
# The behaviour programs: tests/shim/NAME.c -> $(O)/tests/shim/NAME, plugin_NAME.c -> plugin_NAME.so beside it,
# and once more as static programs in $(O)/tests/shim-static/ for the backends that live in the kernel.
# Wants O, CC and CFLAGS; gives shim_tests and shim_static_tests.

shim_src := $(wildcard tests/shim/*.c)
shim_plugins := $(patsubst tests/shim/%.c,$(O)/tests/shim/%.so,$(filter tests/shim/plugin_%,$(shim_src)))
shim_names := $(patsubst tests/shim/%.c,%,$(filter-out tests/shim/plugin_%,$(shim_src)))
# These need a dynamic loader, or glibc's second set of symbols.
shim_dynamic_only := asan constructor deepbind dlopen_runpath early_calls preload_kept
shim_tests := $(shim_names:%=$(O)/tests/shim/%) $(shim_plugins)
shim_static_tests := $(patsubst %,$(O)/tests/shim-static/%,$(filter-out $(shim_dynamic_only),$(shim_names)))

shim_cflags := -std=gnu11 -pthread
$(O)/tests/shim/asan: shim_flags = -fsanitize=address
$(O)/tests/shim/fortified $(O)/tests/shim-static/fortified: shim_flags = -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
$(O)/tests/shim/dlopen_runpath: shim_flags = -Wl,--enable-new-dtags,-rpath,'$$ORIGIN/found'
$(O)/tests/shim/constructor: shim_flags = -Wl,--no-as-needed,-rpath,'$$ORIGIN' $(O)/tests/shim/plugin_constructor.so
$(O)/tests/shim/constructor: $(O)/tests/shim/plugin_constructor.so
$(O)/tests/shim/dlopen_runpath: $(O)/tests/shim/found/plugin_found.so

$(O)/tests/shim/%: tests/shim/%.c tests/shim/t.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(shim_cflags) -o $@ $< $(shim_flags) -ldl

$(O)/tests/shim-static/%: tests/shim/%.c tests/shim/t.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(shim_cflags) -static -o $@ $< $(shim_flags)

$(O)/tests/shim/%.so $(O)/tests/shim/found/%.so: tests/shim/%.c tests/shim/t.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(shim_cflags) -fPIC -shared -o $@ $< -ldl
