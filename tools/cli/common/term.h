/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_TERM_H
#define BERTH_CLI_TERM_H
/*
 * Output for eyes, on stdout: aligned tables, wrapped text, the width of the terminal.
 *
 *	struct term_table table = { .indent = 2 };
 *	term_cell(&table, "w1"); term_cellf(&table, "%u", port); term_row(&table);
 *	term_print(&table);		prints, and frees the cells
 */
#include "tools/base/str.h"

struct term_table {
	unsigned int indent;
	bool wrap;    /* the last column is text: wrap it to the terminal */
	char **cells; /* strv; row after row */
	size_t *ends; /* of each row, in cells */
	size_t rows;
};

void term_cell(struct term_table *table, const char *text);
void term_cell_own(struct term_table *table, char *text);
void term_cellf(struct term_table *table, const char *format, ...) PRINTF(2, 3);
void term_row(struct term_table *table);
void term_print(struct term_table *table);
void term_clear(struct term_table *table); /* without printing */

void term_paragraph(unsigned int indent, const char *text);

/* Columns of the terminal on stdout; where it is none, COLUMNS or 80. */
unsigned int term_width(void);

#endif
