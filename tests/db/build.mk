# SPDX-License-Identifier: MIT
# tests/db: a minimal run, and a relay alone; the *.sh here print TAP.
DB_TEST_OBJ	:= $(patsubst %.c,$(O)/%.o,$(wildcard tools/db/*.c tools/db/*/*.c tools/base/*.c tools/process/*.c)) $(CORE_OBJ)
DB_PROGRAMS	:= $(patsubst tests/db/%.c,$(O)/tests/db/%,$(wildcard tests/db/*.c))

tests: $(DB_PROGRAMS)

$(DB_PROGRAMS): $(O)/tests/db/%: $(O)/tests/db/%.o $(DB_TEST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -ljansson -lcap -o $@
