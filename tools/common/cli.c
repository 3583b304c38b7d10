#include "tools/common/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "tools/common/json_fields.h"

#define GAP  2u
#define WIDE 10000u /* columns of an output that is not to be made narrower */

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

static bool is_wide;

void output_wide(void)
{
    is_wide = true;
}

unsigned width_of(FILE *to)
{
    if (is_wide)
        return WIDE;
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
    unsigned gap; /* blanks between columns */
    bool cuts_last;
    bool failed; /* no memory: what is there is printed, with a word about the rest */
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
    table->gap = GAP;
    table_row(table, headings);
    return table;
}

/* --- tables: to the width of the screen --- */

#define LEAST_COLUMNS 8u  /* a column is not made narrower */
#define LEAST_OF_CUT  16u /* one that is cut */

static size_t total_width(const struct table *table)
{
    size_t total = 0;
    for (size_t i = 0; i < table->columns; i++)
        total += table->width[i] + (i ? table->gap : 0);
    return total;
}

static bool column_is_empty(const struct table *table, size_t column)
{
    for (size_t i = 1; i < table->rows; i++) {
        const char *cell = table->cells[i * table->columns + column];
        if (cell && *cell)
            return false;
    }
    return true;
}

static void drop_column(struct table *table, size_t column)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        if (i % table->columns == column)
            free(table->cells[i]);
        else
            table->cells[kept++] = table->cells[i];
    }
    table->columns--;
    memmove(table->width + column, table->width + column + 1, (table->columns - column) * sizeof(*table->width));
    table->cuts_last = table->cuts_last && column < table->columns;
}

/*
 * Takes from the gaps, from columns that have a heading alone, from a last column that is cut, and from the widest columns,
 * whose cells go on in the next lines.
 */
static void table_fit(struct table *table, size_t screen)
{
    if (total_width(table) > screen)
        table->gap = 1;
    for (size_t i = table->columns; i-- > 1 && table->rows > 1 && total_width(table) > screen;)
        if (column_is_empty(table, i))
            drop_column(table, i);
    size_t *last = &table->width[table->columns - 1];
    while (table->cuts_last && total_width(table) > screen && *last > LEAST_OF_CUT)
        --*last;
    for (size_t total = total_width(table); total > screen; total--) {
        size_t widest = table->columns;
        for (size_t i = 0; i < table->columns - table->cuts_last; i++)
            if (table->width[i] > LEAST_COLUMNS &&
                (widest == table->columns || table->width[i] >= table->width[widest]))
                widest = i;
        if (widest == table->columns)
            return;
        table->width[widest]--;
    }
}

/* Behind a blank, comma or slash; behind a hyphen between words, and not in a range of numbers. */
static bool may_break(const char *text, size_t at)
{
    char before = text[at - 1];
    return strchr(" ,/", before) || (before == '-' && isalpha((unsigned char)text[at]));
}

/* Where the text is divided so that `width` columns hold what is before: where it may be, else anywhere. */
static size_t break_at(const char *text, size_t width)
{
    size_t columns, length = strlen(text), most = printable_fit(text, length, width, &columns), good = most;
    if (most == length)
        return most;
    while (good > 0 && !may_break(text, good))
        good--;
    return good ? good : most;
}

/* One line of a row; cells move on by what was printed. true: something is left for the next line. */
static bool print_line(FILE *to, const struct table *table, const char **rest)
{
    bool more = false;
    size_t last = table->columns;
    while (last > 0 && !*rest[last - 1])
        last--;
    for (size_t i = 0; i < last; i++) {
        size_t columns, bytes = break_at(rest[i], table->width[i]);
        printable_fit(rest[i], bytes, SIZE_MAX, &columns);
        fprintf(to, "%.*s", (int)bytes, rest[i]);
        if (i + 1 < last)
            fprintf(to, "%*s", (int)(table->width[i] - columns + table->gap), "");
        rest[i] += bytes;
        more = more || *rest[i];
    }
    fputc('\n', to);
    return more;
}

/* "redis-server *:63…": a column before the end is the sign's, which has three bytes. */
static void cut(char *text, size_t width)
{
    if (!text || printable_width(text) <= width)
        return;
    size_t columns, length = strlen(text), at = printable_fit(text, length, width - 1, &columns);
    if (at + sizeof("…") <= length + 1)
        memcpy(text + at, "…", sizeof("…"));
    else
        text[at] = '\0';
}

static void print_row(FILE *to, const struct table *table, size_t number)
{
    char **row = table->cells + number * table->columns;
    const char *rest[TABLE_COLUMNS];
    for (size_t i = 0; i < table->columns; i++)
        rest[i] = row[i] ? row[i] : "";
    if (table->cuts_last)
        cut(row[table->columns - 1], table->width[table->columns - 1]);
    while (print_line(to, table, rest))
        ;
}

void table_cut_last(struct table *table)
{
    if (table)
        table->cuts_last = true;
}

void table_print(FILE *to, struct table *table)
{
    if (!table)
        return;
    bool colour = wants_colour(to);
    table_fit(table, width_of(to));
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
