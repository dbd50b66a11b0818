# SPDX-License-Identifier: MIT
# tests/isolate: a driver that starts programs under one backend, and the programs that it starts
ISOLATE_OBJ	:= $(CORE_OBJ) $(patsubst %.c,$(O)/%.o,$(filter tools/base/% tools/isolate/% tools/ports/%,$(TOOLS_SRC)))
ISOLATE_DRIVER	:= $(O)/tests/isolate/driver
TESTS		+= $(ISOLATE_DRIVER)

$(ISOLATE_DRIVER): $(O)/tests/isolate/driver.o $(ISOLATE_OBJ)
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ $(TOOLS_LIBS) -o $@
