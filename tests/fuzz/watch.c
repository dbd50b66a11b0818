/* SPDX-License-Identifier: MIT */
/*
 * Parsers of sock_diag messages, of /proc and of other programs' perf maps: for any bytes they must
 * not read out of bounds.
 */
#include <sys/socket.h>

#include "tools/base/diag.h"
#include "tools/process/proc.h"
#include "tools/watch/lookup/symbol.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_proc(const char *text, size_t len)
{
	struct diag_socket socket;
	struct proc_unix entry;
	struct proc_stat stat;
	const char *value = proc_parse_environ(text, len, "BERTH_RUN");

	if (value && (value < text || memchr(value, 0, len - (size_t)(value - text)) == NULL))
		abort(); /* a value must end inside of the text */
	free(proc_parse_command(text, len, 100));
	(void)diag_parse_proc(text, BERTH_TCP, len & 1 ? AF_INET : AF_INET6, &socket);
	free(proc_parse_container(text));
	if (proc_parse_inside(text) < 0 ||
	    (proc_parse_unix(text, &entry) && (entry.path < text || entry.path > text + len)))
		abort();
	if (proc_parse_stat(text, &stat) && (stat.pid <= 0 || stat.comm[PROC_COMM - 1]))
		abort();
}

static void fuzz_symbols(const char *text, size_t len)
{
	uint64_t offset = 0;
	size_t name_len = 0;
	const char *name = symbol_parse_perf_map(text, len, 0x1000, &name_len);

	if (name && (name < text || name + name_len > text + len))
		abort();
	free(symbol_parse_maps(text, 0x1000, &offset));
	free(symbol_parse_script(text, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag_socket socket;
	char address[DIAG_ADDRESS];
	/* as file_read() returns it: NUL-terminated, and not a byte more */
	char *text = malloc(size + 1);
	void *exact = malloc(size ? size : 1);

	memcpy(text, data, size);
	text[size] = 0;
	memcpy(exact, data, size);
	if (diag_parse(BERTH_TCP, exact, (uint32_t)size, &socket)) {
		diag_state_name(&socket);
		diag_address(&socket.local, socket.family, socket.local_port, address);
	}
	fuzz_proc(text, size);
	fuzz_symbols(text, size);
	free(text);
	free(exact);
	return 0;
}
