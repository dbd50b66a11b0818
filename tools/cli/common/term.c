/* SPDX-License-Identifier: MIT */
/* Alignment counts characters and not bytes: a UTF-8 continuation byte has no width. */
#include "tools/cli/common/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/base/cleanup.h"

enum { GAP = 2, COLUMNS_MOST = 16, WIDTH_LEAST = 40, WIDTH_MOST = 120 };

unsigned int term_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	long width = 80;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	else
		(void)str_number(columns, WIDTH_LEAST, WIDTH_MOST, &width);
	return (unsigned int)(width < WIDTH_LEAST  ? WIDTH_LEAST
	                      : width > WIDTH_MOST ? WIDTH_MOST
	                                           : width);
}

static size_t width_of(const char *text, size_t len)
{
	size_t width = 0;

	for (size_t i = 0; i < len; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

static void spaces(size_t count)
{
	printf("%*s", (int)count, "");
}

/* The option tables mark literal text with stars, *text*, for the man page. Remove them here. */
static char *unmarked(const char *text)
{
	struct str plain = { 0 };

	for (size_t len; *text; text += len + (text[len] == '*')) {
		len = strcspn(text, "*");
		str_add_len(&plain, text, len);
	}
	return str_take(&plain);
}

/* Print @text from column @at on, indent its further lines by @indent, and end the line. */
static void wrapped(size_t at, size_t indent, const char *text)
{
	size_t columns = term_width();

	for (bool first = true; *text; first = false) {
		size_t len = strcspn(text, " ");
		size_t width = width_of(text, len);

		if (!first && at + 1 + width > columns) {
			putchar('\n');
			spaces(indent);
			at = indent;
		} else if (!first) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, text);
		at += width;
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

void term_paragraph(unsigned int indent, const char *text)
{
	cleanup_free char *plain = unmarked(text);

	str_plain(plain, "\n");
	spaces(indent);
	wrapped(indent, indent, plain);
}

void term_printf(const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list list;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	str_plain(text, "\n\t");
	fputs(text, stdout);
}

void term_cell_own(struct term_table *table, char *text)
{
	str_plain(text, "");
	strv_own(&table->cells, text);
}

void term_cell(struct term_table *table, const char *text)
{
	term_cell_own(table, str_copy(text ? text : ""));
}

void term_cellf(struct term_table *table, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	term_cell_own(table, str_vprint(format, list));
	va_end(list);
}

void term_row(struct term_table *table)
{
	table->ends = mem_grow(table->ends, table->rows + 1, sizeof(*table->ends));
	table->ends[table->rows++] = strv_len(table->cells);
}

static void measure(const struct term_table *table, size_t widths[COLUMNS_MOST])
{
	size_t cell = 0;

	for (size_t row = 0; row < table->rows; row++)
		for (size_t column = 0; cell < table->ends[row]; cell++, column++) {
			size_t width = width_of(table->cells[cell], strlen(table->cells[cell]));

			if (column < COLUMNS_MOST && width > widths[column])
				widths[column] = width;
		}
}

static void print_row(const struct term_table *table, size_t cell, size_t end,
                      const size_t widths[COLUMNS_MOST])
{
	size_t at = table->indent;

	spaces(table->indent);
	for (size_t column = 0; cell < end; cell++, column++) {
		const char *text = table->cells[cell];
		size_t width = width_of(text, strlen(text));

		if (cell + 1 == end && table->wrap) {
			wrapped(at, at, text);
			return;
		}
		printf("%s", text);
		if (cell + 1 < end && column < COLUMNS_MOST)
			spaces(widths[column] - width + GAP);
		at += widths[column < COLUMNS_MOST ? column : 0] + GAP;
	}
	putchar('\n');
}

void term_clear(struct term_table *table)
{
	strv_free(table->cells);
	free(table->ends);
	*table = (struct term_table){ .indent = table->indent, .wrap = table->wrap };
}

void term_print(struct term_table *table)
{
	size_t widths[COLUMNS_MOST] = { 0 }, cell = 0;

	measure(table, widths);
	for (size_t row = 0; row < table->rows; row++) {
		print_row(table, cell, table->ends[row], widths);
		cell = table->ends[row];
	}
	term_clear(table);
}
