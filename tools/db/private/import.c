/* SPDX-License-Identifier: MIT */
/*
 * Asks the user's server what there is, by libpq in a child process. Every transaction here is
 * read-only.
 *
 * The number of the next transaction (pg_current_snapshot()) is the stamp, with the values of
 * sequences: while both are the same, nothing has changed anywhere on the server. Counters of
 * pg_stat_database would be late.
 */
#include "tools/db/private/import.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/db/common/answers.h"
#include "tools/db/common/libpq.h"
#include "tools/process/child.h"

enum { CONNECT_MS = 5000 };

/* What the child finds; its answer is lines "WORD VALUE" for take_line(). */
struct look {
	struct db *db;
	PGconn *conn;
	struct str *out, *why; /* why: what forbids the import */
	const struct db_url *url;
	const char *database; /* that it is connected to */
};

/* --- asking --- */

/* The first value of the first row; NULL for no row, null or an error. */
static char *value_of(const struct look *look, const char *sql, const char *parameter)
{
	PGresult *result = libpq_ask(look->conn, -1, 1, sql, parameter);
	char *value = libpq.PQresultStatus(result) == PGRES_TUPLES_OK && libpq.PQntuples(result) &&
	                              *libpq.PQgetvalue(result, 0, 0)
	                      ? str_copy(libpq.PQgetvalue(result, 0, 0))
	                      : NULL;

	libpq.PQclear(result);
	return value;
}

static bool connect_to(struct look *look, const char *database)
{
	uint16_t port;
	const char *host = db_url_server(look->url, &port);
	const struct libpq_target target = { .host = host,
		                             .port = port,
		                             .database = database,
		                             .url = look->url,
		                             .sslmode = db_url_sslmode(look->url),
		                             .options = "-c default_transaction_read_only=on "
		                                        "-c statement_timeout=10s" };

	libpq.PQfinish(look->conn);
	look->conn = libpq_connect(&target, CONNECT_MS);
	look->database = database;
	return libpq.PQstatus(look->conn) == CONNECTION_OK;
}

static int forbid(const struct look *look, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int forbid(const struct look *look, const char *format, ...)
{
	va_list list;
	cleanup_free char *text = NULL;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	str_add(look->why, text);
	return -ENOTSUP;
}

static const char unreadable[] =
	"SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = "
	"c.relnamespace "
	"WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname !~ '^pg_' "
	"AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d "
	"WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') "
	"AND (NOT has_schema_privilege(n.oid, 'USAGE') OR CASE c.relkind "
	"WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'SELECT') "
	"ELSE NOT has_table_privilege(c.oid, 'SELECT') OR row_security_active(c.oid) END) "
	"ORDER BY 1 LIMIT 1";

/* A schema of its own comes before the extension, as in pg_dump's output. */
static const char extensions[] =
	"SELECT string_agg(CASE WHEN nspname ~ '^(pg_|public$)' THEN '' "
	"ELSE format(E'CREATE SCHEMA IF NOT EXISTS %I\x01', nspname) END || "
	"format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I CASCADE', extname, nspname), E'\x01' "
	"ORDER BY e.oid) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace "
	"WHERE extname <> 'plpgsql'";

/*
 * Settings are copied as the catalog has them: in ALTER ROLE, lists of names would be written in
 * another way than texts. A role's password is not readable.
 */
#define SETTINGS(where) \
	"(SELECT string_agg(format('INSERT INTO pg_db_role_setting SELECT COALESCE((SELECT oid " \
	"FROM pg_database WHERE datname = %L), 0), COALESCE((SELECT oid FROM pg_authid WHERE " \
	"rolname = %L), 0), %L::text[]', datname, rolname, setconfig), E'\\x01') " \
	"FROM pg_db_role_setting LEFT JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database " \
	"ON pg_database.oid = setdatabase WHERE setdatabase = " where ")"

/* As pg_dumpall --roles-only. `postgres` is there already. */
static const char roles[] =
	"SELECT translate(concat_ws(E'\\x01', (SELECT string_agg(format('CREATE ROLE %I ', "
	"rolname) "
	"|| concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN NOT rolinherit "
	"THEN 'NOINHERIT' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN "
	"rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolcanlogin THEN 'LOGIN' END, CASE WHEN "
	"rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, "
	"'CONNECTION LIMIT ' || rolconnlimit, 'VALID UNTIL ' || quote_literal(rolvaliduntil)), "
	"E'\\x01' ORDER BY oid) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'), "
	"(SELECT string_agg(format('COMMENT ON ROLE %I IS %L', rolname, description), E'\\x01' "
	"ORDER BY r.oid) FROM pg_roles r JOIN pg_shdescription ON objoid = r.oid AND classoid = "
	"'pg_authid'::regclass WHERE rolname !~ '^pg_'), "
	/* INHERIT and SET are of version 16 */
	"(SELECT string_agg(format('GRANT %I TO %I', g.rolname, m.rolname) || CASE WHEN "
	"to_jsonb(a) ? 'set_option' THEN format(' WITH ADMIN %s, INHERIT %s, SET %s', "
	"admin_option::text, to_jsonb(a)->>'inherit_option', to_jsonb(a)->>'set_option') WHEN "
	"admin_option THEN ' WITH ADMIN OPTION' ELSE '' END, E'\\x01' ORDER BY roleid, member) "
	"FROM pg_auth_members a JOIN pg_roles g ON g.oid = roleid JOIN pg_roles m ON m.oid = "
	"member WHERE m.rolname !~ '^pg_'), " SETTINGS("0") "), E'\\n', E'\\x02')";

/* Of version 15. */
static const char parameters[] =
	"SELECT string_agg(format('GRANT %s ON PARAMETER %I TO %s', privilege_type, parname, CASE "
	"grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) || CASE WHEN "
	"is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, E'\\x01' ORDER BY p.oid) FROM "
	"pg_parameter_acl p, aclexplode(paracl) WHERE grantee <> 10";

/* As pg_dump --create. The strategy writes less than the one that is the default of version 15. */
static const char database[] =
	"SELECT translate(concat_ws(E'\\x01', format('CREATE DATABASE %I TEMPLATE template0 "
	"ENCODING "
	"%L LC_COLLATE %L LC_CTYPE %L OWNER %I CONNECTION LIMIT %s', datname, "
	"pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba), "
	"datconnlimit) || CASE WHEN current_setting('server_version_num')::int >= 150000 THEN ' "
	"STRATEGY file_copy' ELSE '' END || CASE j->>'datlocprovider' WHEN 'i' THEN ' "
	"LOCALE_PROVIDER icu ICU_LOCALE ' || quote_literal(COALESCE(j->>'datlocale', "
	"j->>'daticulocale')) || COALESCE(' ICU_RULES ' || quote_literal(j->>'daticurules'), '') "
	"WHEN 'b' THEN ' LOCALE_PROVIDER builtin BUILTIN_LOCALE ' || "
	"quote_literal(j->>'datlocale') ELSE '' END, "
	"format('COMMENT ON DATABASE %I', datname) || ' IS ' || "
	"quote_literal(shobj_description(d.oid, 'pg_database')), "
	"CASE WHEN datacl IS NOT NULL THEN format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I', "
	"datname, pg_get_userbyid(datdba)) END, "
	"(SELECT string_agg(format('GRANT %s ON DATABASE %I TO %s', privilege_type, datname, "
	"CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) || "
	"CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, E'\\x01') FROM "
	"aclexplode(datacl)), " SETTINGS(
		"d.oid") "), E'\\n', E'\\x02') "
			 "FROM pg_database d, to_jsonb(d) j WHERE datname = current_database()";

/* nextval() has a transaction number only each time that it writes to the log. */
static const char sequences[] =
	"SELECT md5(string_agg(concat(schemaname, '.', sequencename, last_value), ',' ORDER BY "
	"schemaname, sequencename)) FROM pg_sequences";

/*
 * Settings of the server that a suite can notice. lc_messages is left out because Berth reads the
 * log, other locales and libraries because they may not be installed here.
 */
static const char settings[] =
	"SELECT string_agg(format('setting %s=%s', name, setting), E'\\n') FROM pg_settings "
	"WHERE source = 'configuration file' AND setting !~ E'\\n' AND name !~ "
	"'^lc_|preload_libraries|library_path|tablespaces?$|^jit' AND (category ~ "
	"'^(Client Connection Defaults|Version and Platform Compatibility)' "
	"OR name IN ('max_connections', 'max_prepared_transactions'))";

/* The directory with the control files of extensions, of the server programs in @bin. */
static char *extension_dir(const char *bin)
{
	cleanup_free char *config = str_print("%s/pg_config", bin);
	cleanup_strv char **argv = strv_of(config, "--sharedir");
	cleanup_str struct str out = { 0 };

	if (child_exec(&(struct child_program){ .argv = argv }, &out) || !out.len)
		return NULL;
	return str_print("%.*s/extension", (int)strcspn(out.text, "\n"), out.text);
}

static int check_extensions(const struct look *look, const char *bin)
{
	cleanup_free char *names = value_of(
		look,
		"SELECT string_agg(extname, E'\\n') FROM pg_extension WHERE extname <> 'plpgsql'",
		NULL);
	cleanup_free char *dir = names ? extension_dir(bin) : NULL;
	cleanup_strv char **list = strv_split(names, "\n");

	for (char **name = list; dir && name && *name; name++) {
		cleanup_free char *path = str_print("%s/%s.control", dir, *name);

		if (access(path, F_OK))
			return forbid(look,
			              "extension \"%s\" of database '%s' is not installed here: "
			              "%s has no %s.control",
			              *name, look->database, dir, *name);
	}
	return 0;
}

static int look_at_database(struct look *look, unsigned int i, const char *bin)
{
	bool data = !look->db->config.command && !look->db->config.snapshot;
	cleanup_free char *blocked = data ? value_of(look, unreadable, NULL) : NULL;
	cleanup_free char *sql = value_of(look, extensions, NULL),
			  *size = value_of(look, "SELECT pg_database_size(current_database())",
	                                   NULL),
			  *collation = value_of(look,
	                                        "SELECT datcollate FROM pg_database WHERE datname "
	                                        "= current_database()",
	                                        NULL),
			  *digest = data ? value_of(look, sequences, NULL) : NULL,
			  *create = value_of(look, database, NULL);
	locale_t here = collation ? newlocale(LC_ALL_MASK, collation, NULL) : NULL;

	if (libpq.PQstatus(look->conn) != CONNECTION_OK)
		return forbid(look, "%s", libpq_error(look->conn));
	if (blocked)
		return forbid(look,
		              "role '%s' may not read all of relation %s of database '%s'\n"
		              "hint: GRANT SELECT ON %s TO \"%s\"; with row level security it "
		              "needs BYPASSRLS",
		              look->url->role, blocked, look->database, blocked, look->url->role);
	if (collation && !here)
		return forbid(look,
		              "locale '%s' of database '%s' is not installed here\n"
		              "hint: add it to /etc/locale.gen, then run locale-gen",
		              collation, look->database);
	if (here)
		freelocale(here);
	str_addf(look->out, "database %u %s\nextensions %u %s\n", i, create ? create : "", i,
	         sql ? sql : "");
	str_addf(look->out, "size %s\nstamp %s%s%s\n", data && size ? size : "0",
	         digest ? digest : "", create ? create : "", sql ? sql : "");
	return check_extensions(look, bin);
}

/* By the role of the first URL of the port. */
static int look_at_server(struct look *look, unsigned int index, char **ret_bin)
{
	cleanup_free char *major = value_of(
		look, "SELECT current_setting('server_version_num')::int / 10000", NULL);
	cleanup_free char *system = value_of(
		look, "SELECT system_identifier::text FROM pg_control_system()", NULL);
	cleanup_free char *start = value_of(look, "SELECT pg_postmaster_start_time()::text", NULL),
			  *stamp = value_of(look, "SELECT pg_current_snapshot()::text", NULL),
			  *lines = value_of(look, settings, NULL),
			  *own = value_of(look, roles, NULL),
			  *grants = libpq.PQserverVersion(look->conn) >= 150000
	                                    ? value_of(look, parameters, NULL)
	                                    : NULL,
			  *all_roles = str_print("%s%s%s", own ? own : "",
	                                         own && grants ? "\x01" : "", grants ? grants : "");
	const struct db_config *config = &look->db->config;

	if (!major)
		return forbid(look, "%s", libpq_error(look->conn));
	*ret_bin = db_programs_of_major((unsigned int)atoi(major));
	if (!*ret_bin)
		return forbid(look,
		              "the server has version %s, and its server programs are not "
		              "installed here\nhint: apt-get install postgresql-%s",
		              major, major);
	str_addf(look->out, "read %u\nmajor %s\n", index, major);
	str_addf(look->out, "identity %s %s:%u\n",
	         system  ? system
	         : start ? start
	                 : "",
	         look->url->host, look->url->port);
	str_addf(look->out, "roles %s\nstamp %s\n", all_roles, all_roles);
	if (!config->command && !config->snapshot)
		str_addf(look->out, "stamp %s\n", stamp ? stamp : "");
	if (lines)
		str_addf(look->out, "%s\n", lines);
	return 0;
}

static int look_at_port(struct look *look, unsigned int index)
{
	cleanup_free char *bin = NULL;
	struct db *db = look->db;
	int ret = 0;

	for (unsigned int i = 0; i < db->url_count && !ret; i++) {
		cleanup_free char *superuser = NULL;
		const char *sqlstate = NULL;
		bool connected;

		look->url = &db->urls[i];
		if (look->url->port != db->ports[index])
			continue;
		connected = connect_to(look, look->url->name);
		/* the setup, or the suite, makes the database */
		sqlstate = !connected ? libpq_error(look->conn) : "";
		if (!connected && strstr(sqlstate, "does not exist") &&
		    strstr(sqlstate, "database"))
			connected = connect_to(look, "postgres") || connect_to(look, "template1");
		if (!connected) {
			cleanup_free char *words = libpq_words(sqlstate, strlen(sqlstate));

			(void)forbid(look, "%s", words);
			return -ECONNREFUSED;
		}
		ret = bin ? 0 : look_at_server(look, index, &bin);
		superuser = value_of(look,
		                     "SELECT 'yes' FROM pg_roles WHERE rolname = current_user AND "
		                     "(rolsuper OR rolbypassrls)",
		                     NULL);
		if (superuser)
			str_addf(look->out, "superuser %u\n", i);
		if (!ret && !strcmp(look->database, look->url->name))
			ret = look_at_database(look, i, bin);
	}
	return ret;
}

static int look_at_all(void *arg, struct str *ret_text)
{
	struct db *db = arg;
	cleanup_free char *error = NULL;
	cleanup_str struct str why = { 0 };
	struct look look = { .db = db, .out = ret_text, .why = &why };
	int ret = libpq_load(&error);

	if (ret) {
		str_add(ret_text, error);
		return ret;
	}
	for (unsigned int i = 0; i < db->port_count && !ret; i++)
		if (db->specs[i].engine == &db_engine_postgres &&
		    (*db_url_at(db, i)->host == '/' || db_port_is_postgres(db->ports[i])))
			ret = look_at_port(&look, i);
	libpq.PQfinish(look.conn);
	if (ret) {
		str_free(ret_text);
		str_add(ret_text, why.text ? why.text : strerror(-ret));
	} else if (!ret_text->len) {
		str_add(ret_text, "no server answers");
		ret = -ENOTCONN;
	}
	return ret;
}

/* --- the answer --- */

static void append(char **text, const char *more)
{
	char *sum = str_print("%s%s\n", *text ? *text : "", more);

	free(*text);
	*text = sum;
}

static void append_server(char **where, uint16_t port)
{
	char *sum = str_print("%s%sport %u", *where ? *where : "", *where ? " and " : "", port);

	free(*where);
	*where = sum;
}

/* Return: 0; -EXDEV two servers have different versions. */
static int take_line(struct db *db, unsigned int *index, const char *line)
{
	struct db_import *import = db->import;
	const char *value = strchr(line, ' ') + 1;
	unsigned int number = (unsigned int)strtoul(value, NULL, 10);

	if (str_starts(line, "identity "))
		append(&import->identity, value);
	else if (str_starts(line, "stamp "))
		append(&import->stamp, value);
	else if (str_starts(line, "size "))
		import->size_bytes += strtoll(value, NULL, 10);
	else if (str_starts(line, "superuser "))
		db->urls[number].superuser = db->config.role != DB_ROLE_OWNER;
	else if (str_starts(line, "setting "))
		strv_add(&import->settings[*index], value);
	else if (str_starts(line, "read ")) {
		/* what the project's files show does not count here */
		for (unsigned int i = 0; i < db->url_count; i++)
			if (db->urls[i].port == db->ports[number])
				db->urls[i].superuser = db->config.role == DB_ROLE_SUPERUSER;
		import->read[ *index = number] = true;
		append_server(&import->where, db->ports[number]);
	} else if (str_starts(line, "database ")) {
		import->databases[number].create = str_copy(strchr(value, ' ') + 1);
	} else if (str_starts(line, "extensions ")) {
		import->databases[number].extensions = str_copy(strchr(value, ' ') + 1);
	} else if (str_starts(line, "roles ")) {
		import->engines[*index] = (struct engine_import){ str_copy(value),
			                                          import->databases };
	} else if (str_starts(line, "major ")) {
		if (import->major && import->major != number)
			return -EXDEV;
		import->major = number;
	}
	return 0;
}

int import_look(struct db *db, char **ret_why)
{
	cleanup_free char *text = NULL;
	cleanup_strv char **lines = NULL;
	uint64_t most = db->config.import_most_bytes;
	unsigned int index = 0;
	int ret = child_call(look_at_all, db, &text);

	if (ret) {
		*ret_why = steal(&text);
		return ret;
	}
	db->import = mem_alloc(sizeof(*db->import));
	db->import->databases = mem_alloc(db->url_count * sizeof(*db->import->databases));
	lines = strv_split(text, "\n");
	for (char **line = lines; line && *line && !ret; line++)
		ret = take_line(db, &index, *line);
	if (ret)
		*ret_why = str_copy("the servers have different major versions");
	else if ((uint64_t)db->import->size_bytes > most)
		*ret_why = str_print("%lld MiB are more than `import-most`, %llu MiB",
		                     (long long)(db->import->size_bytes >> 20),
		                     (unsigned long long)(most >> 20));
	if (!ret && *ret_why)
		ret = -EFBIG;
	if (ret)
		import_free(db);
	return ret;
}

void import_free(struct db *db)
{
	if (!db->import)
		return;
	for (unsigned int i = 0; i < db->url_count; i++) {
		free(db->import->databases[i].create);
		free(db->import->databases[i].extensions);
	}
	for (unsigned int i = 0; i < DB_PORTS_MAX; i++) {
		strv_free(db->import->settings[i]);
		free(db->import->engines[i].roles);
	}
	free(db->import->databases);
	free(db->import->identity);
	free(db->import->stamp);
	free(db->import->where);
	free(steal(&db->import));
}
