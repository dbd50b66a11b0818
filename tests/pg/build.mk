# SPDX-License-Identifier: MIT
# tests/pg: a driver that is the smallest run there is; the *.sh beside it print TAP.
PG_TEST_SRC	:= $(wildcard tools/pg/*.c tools/base/*.c)
PG_DRIVER	:= $(O)/tests/pg/driver

tests: $(PG_DRIVER)

$(PG_DRIVER): $(O)/tests/pg/driver.o $(PG_TEST_SRC:%.c=$(O)/%.o) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -lpq -ljansson -lssl -lcrypto -o $@
