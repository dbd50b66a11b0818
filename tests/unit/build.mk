# tests/unit: every .c is a cmocka program, linked with all of tools but its main
UNIT_SRC	:= $(wildcard tests/unit/*.c)
UNIT		:= $(UNIT_SRC:%.c=$(O)/%)
TESTS		+= $(UNIT)

$(UNIT): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(CORE_OBJ) $(filter-out %/cli/main.o,$(TOOLS_OBJ))
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ $(TOOLS_LIBS) -lcmocka -o $@
