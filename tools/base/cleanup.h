/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_CLEANUP_H
#define BERTH_BASE_CLEANUP_H
/*
 * A variable with one of these attributes releases its resource at the end of its scope. steal()
 * passes the ownership on instead.
 *
 *	cleanup_free char *path = str_print("%s/state.json", dir);
 *	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
 *	...
 *	*ret_fd = steal_fd(&fd);
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_at(void *at)
{
	free(*(void **)at);
}

/* these keep errno, which the caller is about to report */
void cleanup_close_at(const int *fd);
void cleanup_file_at(FILE **file);
void cleanup_dir_at(DIR **dir);
void cleanup_strv_at(char ***strv);

#define cleanup_free  __attribute__((cleanup(cleanup_free_at)))
#define cleanup_close __attribute__((cleanup(cleanup_close_at)))
#define cleanup_file  __attribute__((cleanup(cleanup_file_at)))
#define cleanup_dir   __attribute__((cleanup(cleanup_dir_at)))
#define cleanup_strv  __attribute__((cleanup(cleanup_strv_at)))

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define steal(at) \
	({ \
		__typeof__(*(at)) steal_stolen = *(at); \
		*(at) = NULL; \
		steal_stolen; \
	})

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
