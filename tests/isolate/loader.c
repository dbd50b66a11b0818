/* SPDX-License-Identifier: MIT */
/*
 * Load one BPF object file into the kernel and print what libbpf and the verifier say against it.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

static int print_warning(enum libbpf_print_level level, const char *format, va_list list)
{
	return level == LIBBPF_WARN ? vfprintf(stdout, format, list) : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *snapshot;
	int ret;

	if (argc != 2) {
		fprintf(stderr, "usage: loader OBJECT\n");
		return 125;
	}
	libbpf_set_print(print_warning);
	object = bpf_object__open(argv[1]);
	if (!object) {
		printf("unable to open '%s'\n", argv[1]);
		return 1;
	}
	/* some kernels refuse this iterator; the monitor then takes monitor_snapshot_files */
	snapshot = bpf_object__find_program_by_name(object, "monitor_snapshot");
	if (snapshot)
		bpf_program__set_autoload(snapshot, false);
	ret = bpf_object__load(object);
	if (ret)
		printf("the kernel refuses '%s': %s\n", argv[1], strerror(-ret));
	bpf_object__close(object);
	return ret ? 1 : 0;
}
