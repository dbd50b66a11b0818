/* SPDX-License-Identifier: MIT */
/*
 * What outlives a worker's clone: all of it, kept for somebody who wants to look, or a copy under a name, a snapshot, from
 * which others can start. Both need complete directories, so an overlay is mounted once more, in the job's own namespace, and
 * copied.
 *
 * Law: the servers were stopped cleanly before. Only that makes the copy one that can be started, and allows to mount an
 * overlay again that was volatile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/db/private/private.h"
#include "tools/db/template/snapshot.h"

char *preserve_open_command(const struct db *db, const char *dir, unsigned int i)
{
	cleanup_free char *data = str_print("%s/%u/data", dir, db->ports[i]);

	return db->services[i].engine->open_command(&private_of(db)->server, db_url_at(db, i),
	                                            data);
}

/* In a job that may still mount: let the overlays be seen where the data is. */
static int show(const struct flat *flat)
{
	const struct db *db = flat->worker->db;
	const struct db_programs *server = &private_of(db)->server;
	int ret = 0;

	for (unsigned int i = 0; i < db->port_count && !ret; i++) {
		cleanup_free char *lower = flat_source(flat, &db->services[i]);
		cleanup_free char *base = str_print("%s/%u", flat->dir, db->ports[i]);

		if (flat_is_mounted(flat, &db->services[i]))
			ret = db_clone_mount(lower, base, server->uid, server->gid);
	}
	return ret;
}

static int copy_service(const struct flat *flat, const struct db_server_spec *service,
                        const char *to)
{
	cleanup_free char *from = str_print("%s/%u/data", flat->dir, service->port);
	cleanup_free char *below = str_print("%s/%u", to, service->port),
			  *data = str_print("%s/data", below);
	int ret = mkdir(below, 0700) ? -errno : 0;

	if (ret)
		return ret;
	ret = flat->clone == DB_CLONE_REFLINK ? db_clone_tree(from, data, DB_CLONE_REFLINK)
	                                      : -EOPNOTSUPP;
	return ret ? db_clone_tree(from, data, DB_CLONE_COPY) : 0;
}

/* Make the new directory @to and copy everything into it, as the user whose files these are; we stay that user. */
static int copy_out(const struct flat *flat, const char *to)
{
	const struct db *db = flat->worker->db;
	const struct db_programs *server = &private_of(db)->server;
	int ret = show(flat);

	ret = ret ? ret : job_drop(server->uid, server->gid);
	if (!ret && mkdir(to, 0700))
		ret = -errno;
	for (unsigned int i = 0; i < db->port_count && !ret; i++)
		ret = copy_service(flat, &db->services[i], to);
	return ret;
}

int preserve_keep(void *arg, struct str *ret_text)
{
	struct flat *flat = arg;
	const struct db_programs *server = &private_of(flat->worker->db)->server;
	cleanup_free char *kept = str_print("%s/kept", server->cache);
	cleanup_free char *to = str_print("%s/%s", kept, strrchr(flat->dir, '/') + 1);
	int ret;

	if (flat->clone == DB_CLONE_OVERLAY)
		ret = copy_out(flat, to);
	else if (!(ret = job_drop(server->uid, server->gid)) && rename(flat->dir, to))
		ret = -errno;
	str_add(ret_text, ret ? strerror(-ret) : to);
	return ret;
}

int preserve_snapshot(void *arg, struct str *ret_text)
{
	struct flat *flat = arg;
	const struct private *private = private_of(flat->worker->db);
	cleanup_free char *building = NULL;
	cleanup_close int lock = -1;
	int ret;

	job_files_as(private->server.uid, private->server.gid);
	ret = snapshot_begin(&private->server, flat->snapshot, &lock, &building);
	job_files_back(private->server.uid);
	if (ret == -EBUSY)
		str_addf(ret_text, "a run uses snapshot '%s'", flat->snapshot);
	ret = ret ? ret : copy_out(flat, building);
	return ret ? ret : snapshot_commit(building, private->shape);
}
