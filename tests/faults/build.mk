# tests/faults: a campaign of failures; fault.so makes calls of Berth's own processes fail
FAULT_LIB	:= $(O)/tests/faults/fault.so
TESTS		+= $(FAULT_LIB)

$(FAULT_LIB): tests/faults/fault.c
	@mkdir -p $(@D)
	$(call quiet,TEST)$(CC) -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -fPIC -shared -fno-builtin -o $@ $<

ROUNDS		?= 200
SEED		?= 1
.PHONY: faults
## make faults		ROUNDS (200) failures, chosen by SEED (1): right or clearly failed, nothing left, the next run works
faults: tests
	BERTH_OUT=$(abspath $O) tests/faults/campaign --rounds $(ROUNDS) --seed $(SEED)
