#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/common/cli.h"

/* A table of one row as it is printed where COLUMNS says so; malloc'd. */
static char *printed(const char *columns, const char *const *headings, const char *const *cells, size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    setenv("COLUMNS", columns, 1);
    struct table *table = table_new(headings, count);
    table_row(table, cells);
    table_print(to, table);
    fclose(to);
    return text;
}

static const char *const headings[] = {"TID", "RULE", "NOTE"};

static void what_fits_is_one_line(void **state)
{
    const char *const cells[] = {"12", "io", "exclusive"};
    char *text = printed("40", headings, cells, 3);
    (void)state;
    assert_string_equal(text, "TID  RULE  NOTE\n12   io    exclusive\n");
    free(text);
}

static void longer_cells_go_on_below_in_their_column(void **state)
{
    const char *const cells[] = {"12", "0-3,8-11,16-19,24-27", "exclusive"};
    char *text = printed("29", headings, cells, 3);
    (void)state;
    assert_string_equal(text, "TID RULE            NOTE\n12  0-3,8-11,16-19, exclusive\n    24-27\n");
    free(text);
}

static void blanks_go_before_a_cell_is_divided(void **state)
{
    const char *const cells[] = {"12", "0-3,8-11,16-19", "exclusive"};
    char *text = printed("28", headings, cells, 3);
    (void)state;
    assert_string_equal(text, "TID RULE           NOTE\n12  0-3,8-11,16-19 exclusive\n");
    free(text);
}

static void a_column_without_cells_goes_before_a_cell_is_divided(void **state)
{
    const char *const four[] = {"TID", "RULE", "REASON", "NOTE"};
    const char *const cells[] = {"12", "0-3,8-11,16-19", NULL, "exclusive"};
    char *text = printed("28", four, cells, 4);
    (void)state;
    assert_string_equal(text, "TID RULE           NOTE\n12  0-3,8-11,16-19 exclusive\n");
    free(text);
    text = printed("40", four, cells, 4);
    assert_string_equal(text, "TID  RULE            REASON  NOTE\n12   0-3,8-11,16-19          exclusive\n");
    free(text);
}

static void a_title_without_end_is_cut(void **state)
{
    const char *const two[] = {"TID", "TITLE"}, *const cells[] = {"12", "a title that is longer than the screen"};
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    (void)state;
    setenv("COLUMNS", "25", 1);
    struct table *table = table_new(two, 2);
    table_row(table, cells);
    table_cut_last(table);
    table_print(to, table);
    fclose(to);
    assert_string_equal(text, "TID TITLE\n12  a title that is long…\n");
    free(text);
}

static void wide_letters_are_not_divided(void **state)
{
    const char *const narrow[] = {"TID", "RULE"};
    const char *const cells[] = {"12", "書込書込書込書込書"};
    char *text = printed("21", narrow, cells, 2);
    (void)state;
    assert_string_equal(text, "TID RULE\n12  書込書込書込書込\n    書\n");
    free(text);
}

static void wide_output_is_not_divided(void **state)
{
    const char *const cells[] = {"12", "0-3,8-11,16-19,24-27", "exclusive"};
    (void)state;
    output_wide(); /* for the rest of the process */
    char *text = printed("28", headings, cells, 3);
    assert_non_null(strstr(text, "0-3,8-11,16-19,24-27  exclusive\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_one_line),
        cmocka_unit_test(longer_cells_go_on_below_in_their_column),
        cmocka_unit_test(blanks_go_before_a_cell_is_divided),
        cmocka_unit_test(a_column_without_cells_goes_before_a_cell_is_divided),
        cmocka_unit_test(a_title_without_end_is_cut),
        cmocka_unit_test(wide_letters_are_not_divided),
        cmocka_unit_test(wide_output_is_not_divided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
