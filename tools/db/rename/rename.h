/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_RENAME_H
#define BERTH_DB_RENAME_RENAME_H
/*
 * Rename mode: databases of their own for the workers, on the user's PostgreSQL server, behind a
 * relay for each worker.
 */
#include "tools/db/mode/mode.h"

extern const struct db_mode_ops db_mode_rename;

#endif
