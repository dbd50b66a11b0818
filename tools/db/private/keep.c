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

char *keep_open_command(const struct db *db, const char *dir, unsigned int i)
{
	cleanup_free char *data = str_print("%s/%u/data", dir, db->ports[i]);

	return db->specs[i].engine->open_command(&private_mode_of(db)->programs, db_url_at(db, i),
	                                         data);
}

/* In a job that may still mount: let the overlays be seen where the data is. */
static int show(const struct private_worker *self)
{
	const struct db *db = self->worker->db;
	const struct db_programs *programs = &private_mode_of(db)->programs;
	int ret = 0;

	for (unsigned int i = 0; i < db->port_count && !ret; i++) {
		cleanup_free char *lower = private_worker_source(self, &db->specs[i]);
		cleanup_free char *base = str_print("%s/%u", self->dir, db->ports[i]);

		if (private_worker_is_mounted(self, &db->specs[i]))
			ret = db_clone_mount(lower, base, programs->uid, programs->gid);
	}
	return ret;
}

static int copy_spec(const struct private_worker *self, const struct db_server_spec *spec,
                     const char *to)
{
	cleanup_free char *from = str_print("%s/%u/data", self->dir, spec->port);
	cleanup_free char *below = str_print("%s/%u", to, spec->port),
			  *data = str_print("%s/data", below);
	int ret = mkdir(below, 0700) ? -errno : 0;

	if (ret)
		return ret;
	ret = self->clone == DB_CLONE_REFLINK ? db_clone_tree(from, data, DB_CLONE_REFLINK)
	                                      : -EOPNOTSUPP;
	return ret ? db_clone_tree(from, data, DB_CLONE_COPY) : 0;
}

/* Make the new directory @to and copy everything into it, as the user whose files these are; we stay that user. */
static int copy_out(const struct private_worker *self, const char *to)
{
	const struct db *db = self->worker->db;
	const struct db_programs *programs = &private_mode_of(db)->programs;
	int ret = show(self);

	ret = ret ? ret : job_drop(programs->uid, programs->gid);
	if (!ret && mkdir(to, 0700))
		ret = -errno;
	for (unsigned int i = 0; i < db->port_count && !ret; i++)
		ret = copy_spec(self, &db->specs[i], to);
	return ret;
}

int keep_directory(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;
	const struct db_programs *programs = &private_mode_of(self->worker->db)->programs;
	cleanup_free char *kept = str_print("%s/kept", programs->cache);
	cleanup_free char *to = str_print("%s/%s", kept, strrchr(self->dir, '/') + 1);
	int ret;

	if (self->clone == DB_CLONE_OVERLAY)
		ret = copy_out(self, to);
	else if (!(ret = job_drop(programs->uid, programs->gid)) && rename(self->dir, to))
		ret = -errno;
	str_add(ret_text, ret ? strerror(-ret) : to);
	return ret;
}

int keep_snapshot(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;
	const struct private_mode *mode = private_mode_of(self->worker->db);
	cleanup_free char *building = NULL;
	cleanup_close int lock = -1;
	int ret;

	job_files_as(mode->programs.uid, mode->programs.gid);
	ret = snapshot_begin(&mode->programs, self->snapshot, &lock, &building);
	job_files_back(mode->programs.uid);
	if (ret == -EBUSY)
		str_addf(ret_text, "a run uses snapshot '%s'", self->snapshot);
	ret = ret ? ret : copy_out(self, building);
	return ret ? ret : snapshot_commit(building, mode->shape);
}
