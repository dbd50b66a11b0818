/* SPDX-License-Identifier: MIT */
/* dotenv_get(): quotes, export, references with and without a default, circles. */
#include "tests/unit/test.h"

#include "tools/db/common/dotenv.h"

static const char text[] =
	"# URL=comment\n"
	"USER_NAME=mes_user\n"
	"  export PORT=\"5434\"  # a comment\n"
	"EMPTY=\n"
	"URL=postgresql://${USER_NAME}:${PASSWORD:-secret}@localhost:${PORT}/${NAME}\n"
	"DEFAULTS=${EMPTY:-one} ${EMPTY-two}\n"
	"QUOTED='${PORT}'\n"
	"SPACES=\"${EMPTY:-one} ${NONE-two} ${PORT}x\"\n"
	"CIRCLE=${OTHER}${OTHER}${OTHER}\n"
	"OTHER=${CIRCLE}${CIRCLE}${CIRCLE}\n"
	"OPEN=${PORT";

static void values_are_found_and_expanded(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{ "USER_NAME", "mes_user" },
		{ "PORT", "5434" },
		{ "EMPTY", "" },
		{ "URL", "postgresql://mes_user:secret@localhost:5434/${NAME}" },
		{ "QUOTED", "${PORT}" },
		{ "SPACES", "one two 5434x" },
		{ "OPEN", "${PORT" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = dotenv_get(text, rows[i].name);

		assert_non_null(got);
		assert_string_equal(got, rows[i].want);
		free(got);
	}
	assert_null(dotenv_get(text, "USER"));
	assert_null(dotenv_get(text, "comment"));
}

static void a_circle_ends(void **state)
{
	char *got = dotenv_get(text, "CIRCLE");

	(void)state;
	assert_non_null(got);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_and_expanded),
		cmocka_unit_test(a_circle_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
