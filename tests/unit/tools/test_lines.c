#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/printable.h"
#include "tools/top/lines.h"

static const char *const headings[] = {"PID", "TID", "THREAD", "RULE", "NODE", "CPUS", "%CPU", "STEP", "WHY", "NOTE"};
static char texts[][16] = {"4194303", "4194304", "bio_close_file", "background", "0",
                           "0-1",     "100.0",   "preferred",      "main-union", "oversubscribed"};
static struct top_row rows[] = {
    {.cells = {texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8], texts[9]}}};

static bool shows(const struct fitting *fitting, const char *heading)
{
    for (size_t i = 0; i < fitting->count; i++)
        if (strcmp(headings[fitting->shown[i]], heading) == 0)
            return true;
    return false;
}

static void a_thread_keeps_its_name_and_note_on_80_columns(void **state)
{
    const struct top_table table = {.headings = headings, .columns = 10, .rows = rows, .count = 1};
    struct fitting fitting;
    char line[LINE_BYTES];
    (void)state;
    fit_columns(&fitting, TAB_THREADS, &table, 0, 1, 79);
    line_of_cells(&fitting, rows[0].cells, line);
    assert_true(printable_width(line) <= 79);
    assert_true(shows(&fitting, "THREAD") && shows(&fitting, "NOTE") && shows(&fitting, "CPUS"));
    assert_false(shows(&fitting, "WHY"));
    assert_non_null(strstr(line, "oversubscribed"));
}

static void a_wide_screen_has_all_columns(void **state)
{
    const struct top_table table = {.headings = headings, .columns = 10, .rows = rows, .count = 1};
    struct fitting fitting;
    (void)state;
    fit_columns(&fitting, TAB_THREADS, &table, 0, 1, 120);
    assert_int_equal(fitting.count, 10);
}

static void a_line_of_a_node_fits_80_columns(void **state)
{
    const struct top_node node = {.id = 63,
                                  .cpu = 1,
                                  .memory_used = UINT64_C(1) << 40,
                                  .memory = UINT64_C(1) << 40,
                                  .threads = 9999,
                                  .served = 9,
                                  .accesses = 1,
                                  .cpus = 512};
    char line[LINE_BYTES];
    (void)state;
    line_of_node(&node, 1, line);
    assert_true(printable_width(line) < 80);
    assert_non_null(strstr(line, "alloc 100 % serves 100 %"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_keeps_its_name_and_note_on_80_columns),
        cmocka_unit_test(a_wide_screen_has_all_columns),
        cmocka_unit_test(a_line_of_a_node_fits_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
