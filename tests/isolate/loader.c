/* SPDX-License-Identifier: MIT */
/*
 * Load one BPF object file into the kernel and print what libbpf and the verifier say against it.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int print_warning(enum libbpf_print_level level, const char *format, va_list list)
{
	return level == LIBBPF_WARN ? vfprintf(stdout, format, list) : 0;
}

/* Return: 0 if the kernel takes all programs of @path but @left_out (may be NULL); else -errno. */
static int load(const char *path, const char *left_out)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program = NULL;
	int ret;

	if (!object)
		return -errno;
	if (left_out)
		program = bpf_object__find_program_by_name(object, left_out);
	if (program)
		bpf_program__set_autoload(program, false);
	ret = bpf_object__load(object);
	bpf_object__close(object);
	return ret;
}

int main(int argc, char **argv)
{
	int ret;

	if (argc != 2) {
		fprintf(stderr, "usage: loader OBJECT\n");
		return 125;
	}
	libbpf_set_print(print_warning);
	ret = load(argv[1], NULL);
	/* some kernels refuse this iterator; the monitor then takes monitor_snapshot_files */
	if (ret == -EPERM)
		ret = load(argv[1], "monitor_snapshot");
	if (ret)
		printf("the kernel refuses '%s': %s\n", argv[1], strerror(-ret));
	return ret ? 1 : 0;
}
