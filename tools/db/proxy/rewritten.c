/* SPDX-License-Identifier: MIT */
/* A list in the order of sending. Answers remove statements from its head. */
#include "tools/db/proxy/rewritten.h"

#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

static void forget_first(struct rewritten_list *list)
{
	struct rewritten_statement *one = list->first;

	list->first = one->next;
	rewrite_free(&one->result);
	free(one->original);
	free(one);
}

void rewritten_free(struct rewritten_list *list)
{
	while (list->first)
		forget_first(list);
}

void rewritten_add(struct rewritten_list *list, struct rewrite_result *result, const char *original,
                   size_t len)
{
	struct rewritten_statement *one = mem_alloc(sizeof(*one));

	*one = (struct rewritten_statement){ .result = *result,
		                             .original = str_copy_len(original, len),
		                             .ready = list->ready_due,
		                             .parses = list->parses_due };
	*result = (struct rewrite_result){ 0 };
	if (list->first)
		list->last->next = one;
	else
		list->first = one;
	list->last = one;
}

void rewritten_sent(struct rewritten_list *list, char type)
{
	if (type == 'P') {
		list->parses_due++;
	} else if (type == 'Q' || type == 'F' || type == 'S') {
		list->ready_due++;
		list->parses_due = 0;
		list->by_sync = type == 'S';
	}
}

void rewritten_got(struct rewritten_list *list, char type)
{
	if (type == '2')
		list->bound = true;
	else if (type == 'C' || type == 'I' || type == 's' || type == 'Z')
		list->bound = false; /* CommandComplete, EmptyQueryResponse, PortalSuspended */
	if (type == '1') {
		list->parses++;
	} else if (type == 'Z') {
		list->ready++;
		list->parses = 0;
		while (list->first && (int)(list->first->ready - list->ready) < 0)
			forget_first(list);
	} else if (type == 'G' && list->by_sync) {
		/* a Sync is not answered while data is awaited: another will come */
		list->ready_due = list->ready;
	}
}

/* An error may also belong to a statement that is parsed but not bound, if no other is due. */
const struct rewritten_statement *rewritten_find(const struct rewritten_list *list)
{
	const struct rewritten_statement *before = NULL;
	unsigned int parses = list->parses - (list->bound && list->parses);

	for (const struct rewritten_statement *one = list->first; one; one = one->next) {
		if (one->ready != list->ready)
			continue;
		if (one->parses == parses)
			return one;
		if (one->parses + 1 == parses)
			before = one;
	}
	return before;
}
