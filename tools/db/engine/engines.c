/* SPDX-License-Identifier: MIT */
/* The table of engines, by kind of database. */
#include "tools/db/engine/engine.h"

const struct db_engine *const db_engines[DB_KINDS] = {
#define DATABASE_KIND(id, name, ...) [DB_KIND_##id] = &db_engine_##name,
#include "core/databases.def"
};
