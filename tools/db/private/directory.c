/* SPDX-License-Identifier: MIT */
/*
 * The directory of a worker: DIR/PORT/data for each server. Jobs, in short-lived child processes:
 * clone it from the template or a snapshot, remove it, keep it for inspection, copy it to a
 * snapshot.
 *
 * To keep or to copy a directory needs complete data, so the job mounts an overlay once more, in
 * its own namespace, and copies it. Before, the servers must have been stopped cleanly: only then
 * does a server start on the copy, and only then may an overlay that was mounted `volatile` be
 * mounted again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/db/private/private.h"
#include "tools/db/private/worker.h"
#include "tools/db/template/snapshot.h"

bool directory_is_overlay(const struct private_worker *self, const struct db_server_spec *spec)
{
	return self->clone == DB_CLONE_OVERLAY && !private_worker_makes_template(self) &&
	       !spec->engine->of_project;
}

char *directory_source(const struct private_worker *self, const struct db_server_spec *spec)
{
	return str_print("%s/%s/%u/data", self->mode->programs.cache,
	                 self->source ? self->source : self->mode->source, spec->port);
}

static int make_dir(const char *parent, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", parent, name);

	return mkdir(path, 0700) ? -errno : 0;
}

static int clone_spec(const struct private_worker *self, const struct db_server_spec *spec)
{
	cleanup_free char *base = str_print("%s/%u", self->dir, spec->port),
			  *data = str_print("%s/data", base), *from = directory_source(self, spec);
	int ret = mkdir(base, 0700) ? -errno : 0;

	if (ret ||
	    spec->engine->of_project) /* of kind command: it begins with an empty directory */
		return ret ? ret : make_dir(base, "data");
	if (self->clone != DB_CLONE_OVERLAY)
		return db_clone_tree(from, data, self->clone);
	ret = make_dir(base, "data");
	ret = ret ? ret : make_dir(base, "upper");
	return ret ? ret : make_dir(base, "work");
}

int directory_clone(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;
	struct db *db = self->mode->db;
	bool lasts = private_worker_lasts(self);
	cleanup_free char *final = lasts ? str_copy(self->dir) : NULL;
	int ret = 0;

	/* a half of a clone must never be taken for the data of an environment */
	if (lasts) {
		self->dir = str_print("%s.new", final);
		ret = access(self->dir, F_OK) ? 0 : dir_remove(self->dir);
	}
	if (!ret && mkdir(self->dir, 0700))
		ret = -errno;
	for (unsigned int i = 0; i < db->port_count && !ret; i++)
		ret = clone_spec(self, &db->specs[i]);
	if (lasts && !ret) {
		cleanup_free char *shape = str_print("%s/shape", self->dir);

		ret = file_replace(shape, self->mode->shape, strlen(self->mode->shape), 0600);
		ret = ret ? ret : rename(self->dir, final) ? -errno : 0;
	}
	if (ret)
		str_addf(ret_text, "unable to clone the template: %s", strerror(-ret));
	return ret;
}

int directory_remove(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;

	(void)ret_text;
	return dir_remove(self->dir);
}

static int mount_overlays(const struct private_worker *self)
{
	const struct db *db = self->mode->db;
	const struct db_programs *programs = &self->mode->programs;
	int ret = 0;

	for (unsigned int i = 0; i < db->port_count && !ret; i++) {
		cleanup_free char *lower = directory_source(self, &db->specs[i]);
		cleanup_free char *base = str_print("%s/%u", self->dir, db->ports[i]);

		if (directory_is_overlay(self, &db->specs[i]))
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
	if (self->clone == DB_CLONE_REFLINK && !db_clone_tree(from, data, DB_CLONE_REFLINK))
		return 0;
	return db_clone_tree(from, data, DB_CLONE_COPY);
}

/* Copy everything into the new directory @to, as the servers' user; the process stays that user. */
static int copy_to(const struct private_worker *self, const char *to)
{
	const struct db *db = self->mode->db;
	int ret = mount_overlays(self);

	ret = ret ? ret : job_drop(self->mode->programs.uid, self->mode->programs.gid);
	if (!ret && mkdir(to, 0700))
		ret = -errno;
	for (unsigned int i = 0; i < db->port_count && !ret; i++)
		ret = copy_spec(self, &db->specs[i], to);
	return ret;
}

int directory_keep(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;
	const struct db_programs *programs = &self->mode->programs;
	cleanup_free char *to = str_print("%s/kept/%s", programs->cache,
	                                  strrchr(self->dir, '/') + 1);
	int ret;

	if (self->clone == DB_CLONE_OVERLAY)
		ret = copy_to(self, to);
	else if (!(ret = job_drop(programs->uid, programs->gid)) && rename(self->dir, to))
		ret = -errno;
	str_add(ret_text, ret ? strerror(-ret) : to);
	return ret;
}

int directory_snapshot(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;
	const struct db_programs *programs = &self->mode->programs;
	cleanup_free char *building = NULL;
	cleanup_close int lock = -1;
	int ret;

	job_files_as(programs->uid, programs->gid);
	ret = snapshot_begin(programs, self->snapshot, &lock, &building);
	job_files_back(programs->uid);
	if (ret == -EBUSY)
		str_addf(ret_text, "a run uses snapshot '%s'", self->snapshot);
	ret = ret ? ret : copy_to(self, building);
	return ret ? ret : snapshot_commit(building, self->mode->shape);
}

char *private_environment_dir(const struct private_mode *mode)
{
	return str_print("%s/environments/%s", mode->programs.cache, mode->db->config.environment);
}

int private_environment_remove(const char *environment)
{
	struct db_programs programs = { 0 };
	cleanup_free char *reason = NULL, *dir = NULL;
	int ret = db_programs_place(&programs, &reason);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	dir = str_print("%s/environments/%s", programs.cache, environment);
	job_files_as(programs.uid, programs.gid);
	ret = access(dir, F_OK) ? 0 : dir_remove(dir);
	job_files_back(programs.uid);
	db_programs_free(&programs);
	return ret;
}
