/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ENTRIES_H
#define BERTH_DB_ENTRIES_H
#include "tools/db/mode/mode.h"

/**
 * Turn the entries of the configuration into db->urls, and into one port and one server
 * specification for each server.
 * @ret_reason	on failure: what is wrong with which entry, for people; the caller's to free
 * Return: 0; -EINVAL neither a name nor a URL; -EEXIST, -E2BIG, -EBADMSG, -ENODATA, -ENOTSUP,
 * -EDESTADDRREQ.
 */
int entries_read(struct db *db, const struct db_entry *entries, unsigned int count,
                 char **ret_reason);

#endif
