/* SPDX-License-Identifier: MIT */
/*
 * Any bytes from both sides, in any pieces: no crash, and bytes that nothing rewrites come out as
 * they went in. The first byte chooses the direction and the size of the pieces.
 */
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/sql/names.c"
#include "tools/db/sql/lexer.c"
#include "tools/db/sql/value.c"
#include "tools/db/sql/mention.c"
#include "tools/db/sql/parse.c"
#include "tools/db/sql/rewrite.c"
#include "tools/db/sql/forms.c"
#include "tools/db/sql/rewrite_call.c"
#include "tools/db/sql/rewrite_catalog.c"
#include "tools/db/sql/rewrite_connect.c"
#include "tools/db/sql/rewrite_database.c"
#include "tools/db/proxy/wire.c"
#include "tools/db/proxy/rewritten.c"
#include "tools/db/proxy/slow.c"
#include "tools/db/proxy/result.c"
#include "tools/db/proxy/session_client.c"
#include "tools/db/proxy/session_server.c"
#include "tools/db/proxy/session.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void collect(void *arg, bool to_server, const char *bytes, size_t len)
{
	(void)to_server;
	str_add_len(arg, bytes, len);
}

static bool may_change(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (strchr("dDpP_mM$", data[i]) || data[i] == 'E' || data[i] == 'N' ||
		    data[i] == 'R' || ((data[i] | 32) == 'u' && data[i + 1] == '&'))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str out = { 0 };
	struct session *session;
	struct names names;
	const char *database;
	size_t piece;
	bool to_server, broken = false;

	if (len < 2)
		return 0;
	(void)wire_startup((const char *)data, len, &database);
	to_server = *data & 1;
	piece = 1 + (*data >> 1);
	names_init(&names, "_t1_abcdefgh");
	names_learn(&names, "mes", 3);
	session = session_open(&names, "mes", *data & 2, collect, &out);
	for (size_t at = 1; at < len && !broken; at += piece) {
		size_t part = len - at < piece ? len - at : piece;

		broken = to_server
		                 ? session_from_client(session, (const char *)data + at, part) < 0
		                 : session_from_server(session, (const char *)data + at, part) < 0;
	}
	if (!broken && !may_change(data + 1, len - 1) &&
	    (out.len > len - 1 || (out.len && memcmp(out.text, data + 1, out.len))))
		abort();
	session_free(session);
	names_free(&names);
	str_free(&out);
	return 0;
}
