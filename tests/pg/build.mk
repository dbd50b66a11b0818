# SPDX-License-Identifier: MIT
# tests/pg: a driver that is the smallest run there is, and a relay alone; the *.sh beside them print TAP.
PG_TEST_OBJ	:= $(patsubst %.c,$(O)/%.o,$(wildcard tools/pg/*.c tools/base/*.c)) $(CORE_OBJ)
PG_PROGRAMS	:= $(patsubst tests/pg/%.c,$(O)/tests/pg/%,$(wildcard tests/pg/*.c))

tests: $(PG_PROGRAMS)

$(PG_PROGRAMS): $(O)/tests/pg/%: $(O)/tests/pg/%.o $(PG_TEST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -ljansson -lmnl -lcap -o $@
