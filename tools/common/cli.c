#include "tools/common/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "tools/common/json_fields.h"

/* A message is one line, whatever the names in it hold. */
__attribute__((format(printf, 1, 0))) static void print_message(const char *format, va_list arguments)
{
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    if (length >= 0)
        printable_write(stderr, text, (size_t)length);
    else
        fputs("out of memory", stderr);
    free(length >= 0 ? text : NULL);
    fputc('\n', stderr);
}

void print_error(const char *format, ...)
{
    va_list arguments;
    fputs("nodewise: ", stderr);
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
}

int usage_error(const char *verb, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "nodewise %s: ", verb);
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try 'nodewise help %s'.\n", verb);
    return EXIT_BAD_INPUT;
}

bool wants_colour(FILE *to)
{
    const char *no_colour = getenv("NO_COLOR");
    return isatty(fileno(to)) && !(no_colour && *no_colour);
}

unsigned width_of(FILE *to)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    long wanted = columns ? strtol(columns, NULL, 10) : 0;
    return wanted >= 20 && wanted < 10000 ? (unsigned)wanted : 80;
}

int finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno != EPIPE)
        print_error("the output could not be written: %s", strerror(errno));
    return status == EXIT_OK ? EXIT_NO : status;
}

int print_json(FILE *to, json_t *value)
{
    int error = value ? json_write(to, value, 2) : -1;
    json_decref(value);
    if (error == 0)
        return EXIT_OK;
    print_error("the JSON could not be written");
    return EXIT_NO;
}

/* --- tables --- */

struct table {
    size_t columns, rows, capacity;
    size_t *width;
    char **cells; /* rows x columns; row 0 is the headings */
    bool failed;  /* no memory: what is there is printed, with a word about the rest */
};

void table_row(struct table *table, const char *const *cells)
{
    if (!table)
        return;
    if (table->rows == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 16;
        char **grown = realloc(table->cells, capacity * table->columns * sizeof(*grown));
        if (!grown) {
            table->failed = true;
            return;
        }
        table->cells = grown;
        table->capacity = capacity;
    }
    char **row = table->cells + table->rows * table->columns;
    for (size_t i = 0; i < table->columns; i++) {
        row[i] = printable_copy(cells[i] ? cells[i] : "");
        size_t width = row[i] ? printable_width(row[i]) : 0;
        if (width > table->width[i])
            table->width[i] = width;
    }
    table->rows++;
}

struct table *table_new(const char *const *headings, size_t columns)
{
    struct table *table = calloc(1, sizeof(*table));
    if (table)
        table->width = calloc(columns, sizeof(*table->width));
    if (!table || !table->width) {
        free(table);
        print_error("out of memory");
        return NULL;
    }
    table->columns = columns;
    table_row(table, headings);
    return table;
}

static void print_row(FILE *to, const struct table *table, size_t number)
{
    char **row = table->cells + number * table->columns;
    size_t last = table->columns;
    while (last > 0 && (!row[last - 1] || !*row[last - 1]))
        last--;
    for (size_t i = 0; i < last; i++) {
        const char *cell = row[i] ? row[i] : "";
        fputs(cell, to);
        if (i + 1 < last)
            fprintf(to, "%*s", (int)(table->width[i] - printable_width(cell) + 2), "");
    }
    fputc('\n', to);
}

void table_print(FILE *to, struct table *table)
{
    if (!table)
        return;
    bool colour = wants_colour(to);
    for (size_t i = 0; i < table->rows; i++) {
        if (i == 0 && colour)
            fputs("\033[1m", to);
        print_row(to, table, i);
        if (i == 0 && colour)
            fputs("\033[0m", to);
    }
    if (table->failed)
        print_error("out of memory: the table is not complete");
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->width);
    free(table);
}

void rows_print(FILE *to, const json_t *rows, const char *const *headings, const char *const *keys, size_t columns)
{
    struct table *table = table_new(headings, columns);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
        char numbers[ROW_COLUMNS][24];
        const char *cells[ROW_COLUMNS];
        for (size_t i = 0; i < columns; i++) {
            bool is_number = json_is_integer(json_object_get(row, keys[i]));
            snprintf(numbers[i], sizeof(numbers[i]), "%lld", number_of(row, keys[i]));
            cells[i] = is_number ? numbers[i] : text_of(row, keys[i]);
        }
        table_row(table, cells);
    }
    table_print(to, table);
}

void size_text(uint64_t bytes, char *ret_text, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    unsigned unit = 0;
    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf(ret_text, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}
