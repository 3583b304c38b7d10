#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/report/process_tree.h"

/* Numbers that no process has: the kernel's greatest is 4194304. */
#define FIRST 5000000

static json_t *process(int pid, int ppid, const char *title)
{
    return json_pack("{s:i, s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:s, s:s}", "pid", FIRST + pid, "ppid",
                     ppid ? FIRST + ppid : 0, "comm", "comm", "uid", 7, "seconds", 61, "threads", 1, "strict", 1,
                     "best_effort", 0, "none", 0, "state", "active", "policy", "/etc/p.toml", "title", title);
}

/* malloc'd; takes the reference. */
static char *printed(json_t *processes)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    setenv("COLUMNS", "400", 1);
    process_tree_print(to, processes);
    fclose(to);
    json_decref(processes);
    return text;
}

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void children_stand_below_their_parents(void **state)
{
    (void)state;
    char *text = printed(json_pack("[o, o, o, o]", process(1, 0, "parent"), process(2, 0, "other"),
                                   process(3, 1, "child"), process(4, 3, "grandchild")));
    assert_string_equal(text, "PID      USER  AGE  THREADS  STRICT  BEST  NONE  STATE   POLICY  TITLE\n"
                              "5000001  7     1m   1        1       0     0     active  p.toml  parent\n"
                              "5000003  7     1m   1        1       0     0     active  p.toml  └─ child\n"
                              "5000004  7     1m   1        1       0     0     active  p.toml     └─ grandchild\n"
                              "5000002  7     1m   1        1       0     0     active  p.toml  other\n");
    free(text);
}

static void a_circle_of_parents_is_listed_once_each(void **state)
{
    (void)state;
    char *text =
        printed(json_pack("[o, o, o]", process(1, 2, "one"), process(2, 1, "two"), process(3, 3, "own parent")));
    assert_int_equal(lines_of(text), 4);
    assert_non_null(strstr(text, "p.toml  one\n"));
    assert_non_null(strstr(text, "p.toml  └─ two\n"));
    assert_non_null(strstr(text, "p.toml  own parent\n"));
    free(text);
}

static void no_depth_loses_a_process(void **state)
{
    json_t *processes = json_array();
    (void)state;
    for (int i = 1; i <= 300; i++)
        json_array_append_new(processes, process(i, i - 1, "nested"));
    char *text = printed(processes);
    assert_int_equal(lines_of(text), 301);
    free(text);
}

static void a_title_adds_no_row_and_steers_no_terminal(void **state)
{
    (void)state;
    char *text = printed(json_pack("[o]", process(1, 0, "a\n1  root  \x1b[31mb")));
    assert_int_equal(lines_of(text), 2);
    assert_non_null(strstr(text, "a\\x0a1  root  \\x1b[31mb\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_stand_below_their_parents),
        cmocka_unit_test(a_circle_of_parents_is_listed_once_each),
        cmocka_unit_test(no_depth_loses_a_process),
        cmocka_unit_test(a_title_adds_no_row_and_steers_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
