# SPDX-License-Identifier: MIT
# tests/security: a hostile program of a worker; static, so that the supervisor acts for it
HOSTILE		:= $(O)/tests/security/hostile
TESTS		+= $(HOSTILE)

$(HOSTILE): tests/security/hostile.c
	@mkdir -p $(@D)
	$(call quiet,TEST)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -MMD -MP -O1 -g -Wall -Wextra -static -o $@ $<
