/* SPDX-License-Identifier: MIT */
/* A list in the order of sending; what is answered goes from its head. */
#include "tools/db/proxy/rewritten.h"

#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

static void forget_first(struct pending *pending)
{
	struct pending_statement *one = pending->first;

	pending->first = one->next;
	rename_free(&one->result);
	free(one->original);
	free(one);
}

void pending_free(struct pending *pending)
{
	while (pending->first)
		forget_first(pending);
}

void pending_add(struct pending *pending, struct rename_result *result, const char *original,
                 size_t len)
{
	struct pending_statement *one = mem_alloc(sizeof(*one));

	*one = (struct pending_statement){ .result = *result,
		                           .original = str_copy_len(original, len),
		                           .ready = pending->ready_due,
		                           .parses = pending->parses_due };
	*result = (struct rename_result){ 0 };
	if (pending->first)
		pending->last->next = one;
	else
		pending->first = one;
	pending->last = one;
}

void pending_sent(struct pending *pending, char type)
{
	if (type == 'P') {
		pending->parses_due++;
	} else if (type == 'Q' || type == 'F' || type == 'S') {
		pending->ready_due++;
		pending->parses_due = 0;
		pending->by_sync = type == 'S';
	}
}

void pending_got(struct pending *pending, char type)
{
	if (type == '2')
		pending->bound = true;
	else if (type == 'C' || type == 'I' || type == 's' || type == 'Z')
		pending->bound = false; /* CommandComplete, EmptyQueryResponse, PortalSuspended */
	if (type == '1') {
		pending->parses++;
	} else if (type == 'Z') {
		pending->ready++;
		pending->parses = 0;
		while (pending->first && (int)(pending->first->ready - pending->ready) < 0)
			forget_first(pending);
	} else if (type == 'G' && pending->by_sync) {
		/* a Sync is not answered while data is awaited: another will come */
		pending->ready_due = pending->ready;
	}
}

/* Of a statement that was parsed and is not bound yet, or not any more, an error may still come: if no other is due. */
const struct pending_statement *pending_find(const struct pending *pending)
{
	const struct pending_statement *before = NULL;
	unsigned int parses = pending->parses - (pending->bound && pending->parses);

	for (const struct pending_statement *one = pending->first; one; one = one->next) {
		if (one->ready != pending->ready)
			continue;
		if (one->parses == parses)
			return one;
		if (one->parses + 1 == parses)
			before = one;
	}
	return before;
}
