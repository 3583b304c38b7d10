/*
 * cli: what every verb of the command shares: exit codes, and how output looks. stdout
 * carries data, stderr messages; colour only on a terminal and without NO_COLOR (no-color.org).
 */
#ifndef NODEWISE_TOOLS_COMMON_CLI_H
#define NODEWISE_TOOLS_COMMON_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum exit_code {
    EXIT_OK = 0,
    EXIT_NO = 1,           /* the answer is no */
    EXIT_BAD_INPUT = 2,    /* arguments or policy */
    EXIT_MACHINE = 3,      /* this machine refuses */
    EXIT_NO_PROCESS = 4,   /* no such process, or it carries no shim */
    EXIT_RUN_FAILED = 125, /* `run`: ours, before exec; 126 and 127 as env(1) has them */
    EXIT_RUN_NOT_EXECUTABLE = 126,
    EXIT_RUN_NOT_FOUND = 127,
};

/* "nodewise VERB: message" on stderr, and how to get help; returns EXIT_BAD_INPUT. */
__attribute__((format(printf, 2, 3))) int usage_error(const char *verb, const char *format, ...);
/* "nodewise: message" on stderr. */
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);

bool wants_colour(FILE *to);
/* What is printed from now on need not fit a screen: --wide. */
void output_wide(void);
/* Columns of the terminal behind the stream, COLUMNS, or 80. */
unsigned width_of(FILE *to);
/* Prints and frees the value, with a newline. EXIT_OK, or EXIT_NO with a word when the output fails. */
int print_json(FILE *to, json_t *value);
/* Did everything that was printed reach stdout (a full disk, a closed pipe). */
int finish_output(int status);

/* "12.3 MiB". */
void size_text(uint64_t bytes, char *ret_text, size_t size);

/* A table of texts: cells are copied; a NULL cell is empty. */
struct table;
#define TABLE_COLUMNS 16 /* at most */
struct table *table_new(const char *const *headings, size_t columns);
void table_row(struct table *table, const char *const *cells);
/* The last column is of texts without end: what does not fit is cut, not continued. */
void table_cut_last(struct table *table);
/*
 * Prints with two blanks between columns, in width_of(to) columns where these are enough: the blank is then one, and
 * cells that are longer go on in the next lines. Frees.
 */
void table_print(FILE *to, struct table *table);

/* An array of objects as a table: of each the fields of those keys, texts and integers. */
void rows_print(FILE *to, const json_t *rows, const char *const *headings, const char *const *keys, size_t columns);
#define ROW_COLUMNS TABLE_COLUMNS

#endif
