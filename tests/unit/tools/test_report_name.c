#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/report/report_name.h"
#include "tools/report/report_write.h"

static const struct {
    const char *pattern, *name;
} names[] = {
    {"/tmp/report.json", "/tmp/report.json"},
    {"/tmp/{pid}.json", "/tmp/4711.json"},
    {"{pid}{pid}", "47114711"},
    {"/tmp/{comm}", "/tmp/a_b"}, /* a program's name does not lead out of the folder */
    {"{rank}.txt", "3.txt"},
    {"{unknown}{pid", "{unknown}{pid"},
    {"", ""},
};

static void words_in_braces_are_replaced(void **state)
{
    (void)state;
    setenv("PMI_RANK", "3", 1);
    unsetenv("RANK");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char name[64];
        assert_int_equal(report_name(names[i].pattern, 4711, "a/b", name, sizeof(name)), 0);
        assert_string_equal(name, names[i].name);
    }
    unsetenv("PMI_RANK");
}

static void the_first_launchers_rank_counts(void **state)
{
    (void)state;
    char name[16];
    unsetenv("RANK");
    unsetenv("PMI_RANK");
    unsetenv("OMPI_COMM_WORLD_RANK");
    unsetenv("SLURM_PROCID");
    assert_int_equal(report_name("{rank}", 4711, "a/b", name, sizeof(name)), 0);
    assert_string_equal(name, "0");
    setenv("SLURM_PROCID", "1", 1);
    assert_int_equal(report_name("{rank}", 4711, "a/b", name, sizeof(name)), 0);
    assert_string_equal(name, "1");
    setenv("RANK", "9", 1);
    assert_int_equal(report_name("{rank}", 4711, "a/b", name, sizeof(name)), 0);
    assert_string_equal(name, "9");
    unsetenv("RANK");
    unsetenv("SLURM_PROCID");
}

static void the_hosts_name_is_the_kernels(void **state)
{
    (void)state;
    char name[300], host[256] = "";
    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    assert_int_equal(report_name("{hostname}", 4711, "a/b", name, sizeof(name)), 0);
    assert_string_equal(name, host);
}

static void a_name_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    char name[8];
    assert_int_equal(report_name("1234567", 4711, "a/b", name, sizeof(name)), 0);
    assert_int_equal(report_name("12345678", 4711, "a/b", name, sizeof(name)), -ENAMETOOLONG);
    assert_int_equal(report_name("1234{pid}", 4711, "a/b", name, sizeof(name)), -ENAMETOOLONG);
}

static void the_ending_says_the_format(void **state)
{
    (void)state;
    assert_int_equal(format_of_name("a.json"), FORMAT_JSON);
    assert_int_equal(format_of_name("/x.html/a.svg"), FORMAT_SVG);
    assert_int_equal(format_of_name("a.html"), FORMAT_HTML);
    assert_int_equal(format_of_name("a.txt"), FORMAT_TEXT);
    assert_int_equal(format_of_name("a.json.gz"), FORMAT_TEXT);
    assert_int_equal(format_of_name("ajson"), FORMAT_TEXT);
    assert_int_equal(format_of_name(".json"), FORMAT_TEXT); /* a hidden file without an ending */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_in_braces_are_replaced),  cmocka_unit_test(the_first_launchers_rank_counts),
        cmocka_unit_test(the_hosts_name_is_the_kernels), cmocka_unit_test(a_name_that_does_not_fit_is_an_error),
        cmocka_unit_test(the_ending_says_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
