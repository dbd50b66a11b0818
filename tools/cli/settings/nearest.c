/* SPDX-License-Identifier: MIT */
/* "did you mean": find the word that a mistyped word was probably meant to be. */
#include <limits.h>
#include <string.h>

#include "tools/cli/settings/options.h"

enum { WORD_MAX = 62 };

/* Levenshtein's distance; two neighbours that have changed places count as one error. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][WORD_MAX + 1], len = (unsigned int)strlen(b);
	unsigned int *before = rows[0], *last = rows[1], *row = rows[2], *spare;

	if (len > WORD_MAX || strlen(a) > WORD_MAX)
		return UINT_MAX;
	for (unsigned int j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		spare = before, before = last, last = row, row = spare;
		row[0] = i;
		for (unsigned int j = 1; j <= len; j++) {
			unsigned int least = last[j - 1] + (a[i - 1] != b[j - 1]);

			least = last[j] + 1 < least ? last[j] + 1 : least;
			least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < least)
				least = before[j - 2] + 1;
			row[j] = least;
		}
	}
	return row[len];
}

const char *option_nearest(const char *text, const char *const *names, size_t count)
{
	const char *best = NULL;
	unsigned int least = UINT_MAX;

	for (size_t i = 0; i < count; i++) {
		unsigned int errors = distance(text, names[i]);

		/* a common beginning of at least three letters counts as one typing error */
		if (errors > 1 && strlen(text) >= 3 &&
		    (str_starts(names[i], text) || str_starts(text, names[i])))
			errors = 1;
		if (errors < least) {
			least = errors;
			best = names[i];
		}
	}
	return best && least <= 1 + strlen(text) / 4 ? best : NULL;
}
