/* SPDX-License-Identifier: MIT */
/*
 * Names of code addresses. libdwfl opens a file once and keeps it, because a report asks for many
 * frames of few files. Debug information gives function and line where it is installed, else the
 * symbol table gives the function. Nothing is downloaded.
 */
#include "tools/watch/lookup/symbol.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/library.h"
#include "tools/base/str.h"
#include "tools/base/table.h"
#include "tools/process/procfs.h"

enum { NAME_MAX_LEN = 120 };

/* Its libelf too: libbpf may have brought another version of it. */
#define LIBDW(X) \
	X(dwarf_getsrc_die) \
	X(dwarf_haspc) \
	X(dwarf_lineno) \
	X(dwarf_linesrc) \
	X(dwelf_elf_gnu_build_id) \
	X(dwfl_begin) \
	X(dwfl_build_id_find_elf) \
	X(dwfl_end) \
	X(dwfl_lineinfo) \
	X(dwfl_module_addrname) \
	X(dwfl_module_getelf) \
	X(dwfl_module_getsrc) \
	X(dwfl_module_nextcu) \
	X(dwfl_offline_section_address) \
	X(dwfl_report_end) \
	X(dwfl_report_offline) \
	X(dwfl_standard_find_debuginfo) \
	X(elf_begin) X(elf_end) X(elf_getphdrnum) X(elf_kind) X(elf_version) X(gelf_getphdr)
static struct libdw {
	LIBDW(LIBRARY_POINTER)
} libdw;

/* Without libdw no file is known, and frames are printed as numbers. */
static bool load(void)
{
	static const char *const names[] = { LIBDW(LIBRARY_NAME) NULL };
	static struct library library = { LIBRARY_LIBDW, names, &libdw, NULL };

	return !library_load(&library, NULL);
}

char *symbol_parse_maps(const char *text, uint64_t address, uint64_t *ret_offset)
{
	for (const char *line = text; *line; line += *line == '\n') {
		size_t len = strcspn(line, "\n");
		uint64_t start, end, offset;
		char *dash, *blank;
		int name_at = 0;

		start = strtoull(line, &dash, 16);
		end = *dash == '-' ? strtoull(dash + 1, &blank, 16) : 0;
		if (address < start || address >= end) {
			line += len;
			continue;
		}
		if (sscanf(blank, " %*4s %" SCNx64 " %*x:%*x %*u %n", &offset, &name_at) != 1 ||
		    !name_at || blank + name_at >= line + len || blank[name_at] != '/' ||
		    blank[3] != 'x')
			return NULL; /* no code, or sscanf() has read into the next line */
		*ret_offset = address - start + offset;
		len -= (size_t)(blank + name_at - line);
		if (len > 10 && !strncmp(blank + name_at + len - 10, " (deleted)", 10))
			len -= 10;
		return str_copy_len(blank + name_at, len);
	}
	return NULL;
}

/* ---- which file has which build id ---- */

static struct table files;   /* by hash of the build id: path */
static struct table learned; /* by hash of the path; the value is the table itself */

static uint64_t id_hash(const uint8_t *build_id)
{
	return table_hash(TABLE_HASH, build_id, BERTH_BUILD_ID);
}

static bool has_id(const uint8_t *build_id)
{
	static const uint8_t none[BERTH_BUILD_ID];

	return memcmp(build_id, none, BERTH_BUILD_ID) != 0;
}

void symbol_learn_file(const char *path)
{
	uint64_t key = table_hash_text(TABLE_HASH, path);
	uint8_t build_id[BERTH_BUILD_ID] = { 0 };
	cleanup_close int fd = -1;
	const void *id;
	ssize_t len;
	Elf *elf;

	if (table_get(&learned, key) || !load())
		return;
	table_set(&learned, key, &learned);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	libdw.elf_version(EV_CURRENT);
	elf = fd < 0 ? NULL : libdw.elf_begin(fd, ELF_C_READ_MMAP, NULL);
	len = elf && libdw.elf_kind(elf) == ELF_K_ELF ? libdw.dwelf_elf_gnu_build_id(elf, &id) : -1;
	if (len > 0) {
		memcpy(build_id, id, (size_t)len < BERTH_BUILD_ID ? (size_t)len : BERTH_BUILD_ID);
		if (!table_get(&files, id_hash(build_id)))
			table_set(&files, id_hash(build_id), str_copy(path));
	}
	libdw.elf_end(elf);
}

void symbol_learn_library(void)
{
	Dl_info info;

	if (dladdr((void *)(uintptr_t)getppid, &info) && info.dli_fname)
		symbol_learn_file(info.dli_fname);
}

void symbol_learn(pid_t pid)
{
	cleanup_free char *maps = NULL;
	char file[4096];

	if (proc_read_file(pid, "maps", &maps, NULL))
		return;
	for (const char *line = maps; *line; line += *line == '\n') {
		size_t len = strcspn(line, "\n");
		const char *slash = memchr(line, '/', len);
		const char *mode = memchr(line, ' ', len);

		if (slash && mode && mode[3] == 'x' &&
		    (size_t)(line + len - slash) < sizeof(file)) {
			memcpy(file, slash, (size_t)(line + len - slash));
			file[line + len - slash] = 0;
			symbol_learn_file(file);
		}
		line += len;
	}
}

static void add_place(struct symbol_stack *stack, pid_t pid, const struct berth_frame *frame,
                      char **maps)
{
	/* A return address may be the start of the next function: the call is just before it. */
	struct symbol_place place = { .offset = frame->at - (stack->count > 0), .pid = pid };

	if (frame->status == BERTH_FRAME_IN_FILE) {
		memcpy(place.build_id, frame->build_id, BERTH_BUILD_ID);
	} else if (place.offset) {
		if (!*maps && proc_read_file(pid, "maps", maps, NULL))
			*maps = str_copy("");
		place.file = symbol_parse_maps(*maps, place.offset, &place.offset);
	}
	stack->places[stack->count++] = place;
}

/* A stack without frame pointers may end in data: stop at a value that is no code address. */
static bool is_code(const struct berth_frame *frame)
{
	return frame->status == BERTH_FRAME_IN_FILE ||
	       (frame->status == BERTH_FRAME_ADDRESS && frame->at >> 12 && !(frame->at >> 47));
}

void symbol_locate(pid_t pid, const struct berth_frame *frames, size_t count,
                   const struct berth_frame *caller, struct symbol_stack *ret_stack)
{
	cleanup_free char *maps = NULL;

	*ret_stack = (struct symbol_stack){ .places = mem_alloc((count + 1) *
		                                                sizeof(*ret_stack->places)) };
	for (size_t i = 0; i < count && is_code(&frames[i]); i++) {
		add_place(ret_stack, pid, &frames[i], &maps);
		if (i == 0 && caller && is_code(caller))
			add_place(ret_stack, pid, caller, &maps);
	}
}

void symbol_stack_free(struct symbol_stack *stack)
{
	for (size_t i = 0; i < stack->count; i++)
		free(stack->places[i].file);
	free(stack->places);
	*stack = (struct symbol_stack){ 0 };
}

const char *symbol_parse_perf_map(const char *text, size_t len, uint64_t address, size_t *ret_len)
{
	const char *found = NULL, *end = text + len;

	for (const char *line = text; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		char *after;
		uint64_t start, size;

		stop = stop ? stop : end;
		start = strtoull(line, &after, 16);
		if (after > line && after < stop && *after == ' ') {
			const char *second = after + 1;

			size = strtoull(second, &after, 16);
			if (after > second && after < stop && *after == ' ' && address >= start &&
			    address - start < size) {
				found = after + 1;
				*ret_len = (size_t)(stop - found);
			}
		}
		line = stop + 1;
	}
	return found;
}

char *symbol_parse_script(const char *name, size_t len)
{
	cleanup_free char *text = str_copy_len(name, len);
	char *function = strchr(text, ':'), *path = strrchr(text, ' ');
	char *column = path ? strrchr(path, ':') : NULL;

	if (!function || !column || function > path)
		return str_print("%.*s", NAME_MAX_LEN, text);
	function += 1 + strspn(function + 1, "*~^+");
	if (function > path)
		function = path;
	*path++ = 0;
	if (memchr(path, ':',
	           (size_t)(column - path))) /* else there is one number only: the line */
		*column = 0;
	return str_print("%.*s at %s", NAME_MAX_LEN, *function ? function : "(anonymous)", path);
}

static char *name_compiled(const struct symbol_place *place)
{
	cleanup_free char *path = str_print("/tmp/perf-%d.map", place->pid);
	cleanup_free char *status = NULL, *text = NULL;
	struct stat info;
	const char *name;
	size_t len;

	/* a process with a PID namespace of its own knows its number there, and may have a /tmp */
	if (!proc_read_file(place->pid, "status", &status, NULL) &&
	    proc_parse_inside(status) != place->pid) {
		free(path);
		path = str_print("/proc/%d/root/tmp/perf-%d.map", place->pid,
		                 proc_parse_inside(status));
	}
	/* another user may have made it: never follow a link */
	if (lstat(path, &info) || !S_ISREG(info.st_mode) || file_read(path, &text, &len))
		return NULL;
	name = symbol_parse_perf_map(text, len, place->offset, &len);
	return name ? symbol_parse_script(name, len) : NULL;
}

/* ---- ELF ---- */

struct symbol_object {
	Dwfl *dwfl;
	Dwfl_Module *module;
};
static struct table objects; /* by hash of the path */

static void free_object(void *value)
{
	struct symbol_object *object = value;

	if (object->dwfl)
		libdw.dwfl_end(object->dwfl);
	free(object);
}

void symbol_close(void)
{
	table_free(&objects, free_object);
	table_free(&files, free);
	table_free(&learned, NULL);
}

static struct symbol_object *open_object(const char *file)
{
	static Dwfl_Callbacks callbacks;
	uint64_t key = table_hash_text(TABLE_HASH, file);
	struct symbol_object *object = table_get(&objects, key);

	if (object)
		return object;
	object = mem_alloc(sizeof(*object));
	table_set(&objects, key, object);
	if (!load())
		return object;
	callbacks = (Dwfl_Callbacks){ .find_elf = libdw.dwfl_build_id_find_elf,
		                      .find_debuginfo = libdw.dwfl_standard_find_debuginfo,
		                      .section_address = libdw.dwfl_offline_section_address };
	object->dwfl = libdw.dwfl_begin(&callbacks);
	if (object->dwfl) {
		object->module = libdw.dwfl_report_offline(object->dwfl, file, file, -1);
		libdw.dwfl_report_end(object->dwfl, NULL, NULL);
	}
	return object;
}

/* The address that libdwfl gave to the file offset @offset. */
static bool address_of(Dwfl_Module *module, uint64_t offset, Dwarf_Addr *ret_address)
{
	GElf_Addr bias;
	Elf *elf = libdw.dwfl_module_getelf(module, &bias);
	size_t count;

	if (!elf || libdw.elf_getphdrnum(elf, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr header;

		if (!libdw.gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD ||
		    offset < header.p_offset || offset - header.p_offset >= header.p_filesz)
			continue;
		*ret_address = offset - header.p_offset + header.p_vaddr + bias;
		return true;
	}
	return false;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* By the index of addresses. Go, Rust and clang write no index, so search each compilation unit. */
static const char *find_source(Dwfl_Module *module, Dwarf_Addr address, int *ret_number)
{
	Dwfl_Line *line = libdw.dwfl_module_getsrc(module, address);
	Dwarf_Die *unit = NULL;
	Dwarf_Addr bias;

	if (line)
		return libdw.dwfl_lineinfo(line, NULL, ret_number, NULL, NULL, NULL);
	while ((unit = libdw.dwfl_module_nextcu(module, unit, &bias))) {
		Dwarf_Line *found;

		if (libdw.dwarf_haspc(unit, address - bias) <= 0)
			continue;
		found = libdw.dwarf_getsrc_die(unit, address - bias);
		if (found && !libdw.dwarf_lineno(found, ret_number))
			return libdw.dwarf_linesrc(found, NULL, NULL);
	}
	return NULL;
}

static char *name_native(const char *file, uint64_t offset)
{
	struct symbol_object *object = open_object(file);
	const char *function, *source;
	Dwarf_Addr address;
	int number = 0;

	if (!object->module || !address_of(object->module, offset, &address))
		return NULL;
	function = libdw.dwfl_module_addrname(object->module, address);
	source = find_source(object->module, address, &number);
	if (function && source)
		return str_print("%.*s at %s:%d", NAME_MAX_LEN, function, source, number);
	return function ? str_print("%.*s in %s", NAME_MAX_LEN, function, base_of(file)) : NULL;
}

static char *name_place(const struct symbol_place *place)
{
	const char *file = place->file               ? place->file
	                   : has_id(place->build_id) ? table_get(&files, id_hash(place->build_id))
	                                             : NULL;
	char *name = file                      ? name_native(file, place->offset)
	             : has_id(place->build_id) ? NULL
	                                       : name_compiled(place);

	if (name)
		return name;
	if (file)
		return str_print("%s+0x%" PRIx64, base_of(file), place->offset);
	return str_print("%s0x%" PRIx64, has_id(place->build_id) ? "unknown file+" : "",
	                 place->offset);
}

/*
 * bpf/monitor_state.h guesses the caller of a stub. An offset outside of the file is a wrong guess.
 */
static bool is_wrong(const struct symbol_place *place)
{
	const char *file = has_id(place->build_id) ? table_get(&files, id_hash(place->build_id))
	                                           : NULL;
	struct stat info;

	if (!has_id(place->build_id))
		return false;
	return place->offset >> 40 ||
	       (file && !stat(file, &info) && place->offset >= (uint64_t)info.st_size);
}

char **symbol_names(const struct symbol_stack *stack)
{
	char **names = NULL;

	for (size_t i = 0; i < stack->count; i++) {
		cleanup_free char *name = is_wrong(&stack->places[i])
		                                  ? NULL
		                                  : name_place(&stack->places[i]);

		/* an address in a process that has ended is of no use */
		if (name && !str_starts(name, "0x"))
			strv_own(&names, steal(&name));
	}
	return names;
}
