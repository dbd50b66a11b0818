# SPDX-License-Identifier: MIT
# The behaviour programs. tests/shim/NAME.c becomes $(O)/tests/shim/NAME, plugin_NAME.c a
# plugin_NAME.so beside it. What makes sense without a dynamic loader becomes
# $(O)/tests/shim-static/NAME, too, for the backends that live in the kernel. They are a user's
# programs: never instrumented, and flags of their own are target-specific variables.
SHIM_TEST_OUT		:= $(O)/tests/shim
SHIM_TEST_DYNAMIC	:= outsider asan by_handle constructor deepbind dlopen_runpath early_calls preload_kept resolver
SHIM_TEST_NAMES		:= $(filter-out plugin_%,$(patsubst tests/shim/%.c,%,$(wildcard tests/shim/*.c)))
SHIM_TEST_PLUGINS	:= $(addprefix plugin_,count_a.so count_b.so constructor.so sockets.so) \
			   found/plugin_found.so found/plugin_loader.so found/inner/plugin_inner.so
SHIM_TESTS		:= $(addprefix $(SHIM_TEST_OUT)/,$(SHIM_TEST_NAMES) $(SHIM_TEST_PLUGINS))
SHIM_STATIC_TESTS	:= $(addprefix $(O)/tests/shim-static/,$(filter-out $(SHIM_TEST_DYNAMIC),$(SHIM_TEST_NAMES)))
TESTS			+= $(SHIM_TESTS)
SHIM_TEST_BUILD		= $(call quiet,TEST)mkdir -p $(@D) && \
			  $(CC) -std=gnu11 -O1 $(WARNINGS) $(CFLAGS) -pthread -o $@ $<

$(SHIM_TEST_OUT)/asan: private FLAGS = -fsanitize=address
$(SHIM_TEST_OUT)/fortified $(O)/tests/shim-static/fortified: private FLAGS = -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
$(SHIM_TEST_OUT)/early_calls: private FLAGS = -fno-builtin
$(SHIM_TEST_OUT)/dlopen_runpath: private FLAGS = -Wl,--enable-new-dtags,-rpath,'$$ORIGIN/found'
$(SHIM_TEST_OUT)/found/plugin_loader.so: private FLAGS = -Wl,--enable-new-dtags,-rpath,'$$ORIGIN/inner'
$(SHIM_TEST_OUT)/constructor: private FLAGS = -Wl,-rpath,'$$ORIGIN' -L$(SHIM_TEST_OUT) -l:plugin_constructor.so
$(SHIM_TEST_OUT)/constructor: $(SHIM_TEST_OUT)/plugin_constructor.so

$(SHIM_TEST_OUT)/plugin_%.so $(SHIM_TEST_OUT)/found/plugin_%.so: tests/shim/plugin_%.c tests/shim/t.h
	$(SHIM_TEST_BUILD) -fPIC -shared $(FLAGS)

$(SHIM_TEST_OUT)/found/inner/plugin_inner.so: tests/shim/plugin_found.c tests/shim/t.h
	$(SHIM_TEST_BUILD) -fPIC -shared

$(SHIM_TEST_OUT)/%: tests/shim/%.c tests/shim/t.h
	$(SHIM_TEST_BUILD) $(FLAGS)

$(O)/tests/shim-static/%: tests/shim/%.c tests/shim/t.h
	$(SHIM_TEST_BUILD) -static $(FLAGS)

## make memcheck		every behaviour program under valgrind, with the shim
.PHONY: memcheck
memcheck: tests
	FULL=1 BERTH=$(abspath $O)/bin/berth BERTH_OUT=$(abspath $O) tests/shim/valgrind.sh
