# SPDX-License-Identifier: MIT
# The behaviour programs. tests/shim/NAME.c becomes $(O)/tests/shim/NAME, plugin_NAME.c a plugin_NAME.so beside it, and
# what makes sense without a dynamic loader $(O)/tests/shim-static/NAME too, for the backends that live in the kernel.
# Wants O, CC and CFLAGS; gives shim_tests and shim_static_tests. Flags of one program are target-specific variables.

shim_out := $(O)/tests/shim
shim_names := $(patsubst tests/shim/%.c,%,$(filter-out tests/shim/plugin_%,$(wildcard tests/shim/*.c)))
shim_dynamic := asan constructor deepbind dlopen_runpath early_calls preload_kept
shim_plugins := count_a.so count_b.so constructor.so sockets.so
shim_found := found/plugin_found.so found/plugin_loader.so found/inner/plugin_inner.so
shim_tests := $(addprefix $(shim_out)/,$(shim_names) $(shim_plugins:%=plugin_%) $(shim_found))
shim_static_tests := $(addprefix $(O)/tests/shim-static/,$(filter-out $(shim_dynamic),$(shim_names)))
shim_compile = $(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -std=gnu11 -pthread -o $@ $<

$(shim_out)/asan: private shim_flags = -fsanitize=address
$(addsuffix /fortified,$(shim_out) $(O)/tests/shim-static): private shim_flags = -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
$(shim_out)/early_calls: private shim_flags = -fno-builtin
$(shim_out)/dlopen_runpath: private shim_flags = -Wl,--enable-new-dtags,-rpath,'$$ORIGIN/found'
$(shim_out)/found/plugin_loader.so: private shim_flags = -Wl,--enable-new-dtags,-rpath,'$$ORIGIN/inner'
$(shim_out)/constructor: private shim_flags = -Wl,-rpath,'$$ORIGIN' -L$(shim_out) -l:plugin_constructor.so
$(shim_out)/constructor: $(shim_out)/plugin_constructor.so

$(shim_out)/plugin_%.so $(shim_out)/found/plugin_%.so: tests/shim/plugin_%.c tests/shim/t.h
	$(shim_compile) -fPIC -shared $(shim_flags)

$(shim_out)/found/inner/plugin_inner.so: tests/shim/plugin_found.c tests/shim/t.h
	$(shim_compile) -fPIC -shared

$(shim_out)/%: tests/shim/%.c tests/shim/t.h
	$(shim_compile) $(shim_flags)

$(O)/tests/shim-static/%: tests/shim/%.c tests/shim/t.h
	$(shim_compile) -static $(shim_flags)
