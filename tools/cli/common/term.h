/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_TERM_H
#define BERTH_CLI_TERM_H
/*
 * Output for people on stdout: aligned tables, wrapped text, the width of the terminal.
 *
 *	struct term_table table = { .indent = 2 };
 *	term_cell(&table, "w1"); term_cellf(&table, "%u", port); term_row(&table);
 *	term_print(&table);		prints the table and frees its cells
 */
#include "tools/base/str.h"

struct term_table {
	unsigned int indent;
	bool wrap;    /* wrap the last column to the terminal's width */
	char **cells; /* strv; row after row */
	size_t *ends; /* for each row, the index behind its last cell */
	size_t rows;
};

void term_cell(struct term_table *table, const char *text);
void term_cell_own(struct term_table *table, char *text);
void term_cellf(struct term_table *table, const char *format, ...) PRINTF(2, 3);
void term_row(struct term_table *table);
void term_print(struct term_table *table);
void term_clear(struct term_table *table); /* frees the cells without printing */

/** Print a text of one or more lines. Names in it may be from outside: see str_plain(). */
void term_printf(const char *format, ...) PRINTF(1, 2);

void term_paragraph(unsigned int indent, const char *text);

/* Columns of the terminal on stdout; if stdout is no terminal, $COLUMNS or 80. */
unsigned int term_width(void);

#endif
