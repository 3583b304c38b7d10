#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/learn/write_policy.h"

#define SECONDS 10.0
#define CPU     ((uint64_t)10 * 1000 * 1000 * 1000) /* one, all the time */

static const char report_text[] =
    "{\"process\": {\"exe\": \"/bin/program\", \"comm\": \"program\", \"threads_started\": 9}}";

/* Main, and eight workers that keep eight CPUs busy. */
static struct groups two_groups(void)
{
    struct groups groups = {.count = 2, .ran_ns = 8 * CPU};
    groups.items[0] = (struct group){.is_main = true, .threads = 1, .bytes = 64 << 20};
    groups.items[1] = (struct group){.pattern = "work-*", .threads = 8, .ran_ns = 8 * CPU};
    return groups;
}

/* What is written about main, and about the workers. */
static void written(const struct groups *groups, char **ret_main, char **ret_workers)
{
    static char text[8192], name[] = "program";
    char *command[] = {name, NULL};
    struct observed *observed = calloc(1, sizeof(*observed));
    json_t *report = json_loads(report_text, 0, NULL);
    FILE *to = fmemopen(text, sizeof(text), "w");
    assert_true(observed && report && to);
    observed->seconds = SECONDS;
    write_policy(to, groups, observed, report, command);
    fclose(to);
    json_decref(report);
    free(observed);
    *ret_workers = strstr(text, "# 8 threads");
    assert_non_null(*ret_workers);
    (*ret_workers)[-1] = '\0';
    *ret_main = strstr(text, "# main");
    assert_non_null(*ret_main);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no %s in:\n%s", part, text);
}

static void busy_threads_come_to_those_that_they_share_with(void **state)
{
    char *main_text, *workers;
    struct groups groups = two_groups();
    (void)state;
    groups.items[1].changes = 1000;
    groups.items[1].unevenness = 1.1;
    written(&groups, &main_text, &workers);
    assert_has(workers, "distribution = \"sharing\"");
    assert_has(workers, "# some of them use the same memory");
    assert_null(strstr(main_text, "name = \"main\""));
    groups.items[1].changes = 0;
    groups.items[1].talks[1] = 5;
    written(&groups, &main_text, &workers);
    assert_has(workers, "distribution = \"sharing\" # those that share");
}

static void what_all_share_is_interleaved(void **state)
{
    char *main_text, *workers;
    struct groups groups = two_groups();
    (void)state;
    groups.items[1].changes = 1000;
    groups.items[1].unevenness = 0.2;
    written(&groups, &main_text, &workers);
    assert_has(main_text, "bind_to = \"none\"\nmemory = { policy = \"interleave\" }");
    assert_has(workers, "distribution = \"least_loaded\"");
    assert_null(strstr(workers, "interleave"));
    groups.items[0].bytes = 1 << 20;
    groups.items[1].bytes = 64 << 20; /* the workers made it themselves */
    written(&groups, &main_text, &workers);
    assert_null(strstr(main_text, "interleave"));
    assert_has(workers, "policy = \"interleave\"");
}

static void a_little_evidence_interleaves_nothing(void **state)
{
    char *main_text, *workers;
    struct groups groups = two_groups();
    (void)state;
    groups.items[1].changes = 20;
    groups.items[1].unevenness = 0.2;
    written(&groups, &main_text, &workers);
    assert_null(strstr(main_text, "interleave"));
    assert_has(workers, "distribution = \"sharing\"");
}

static void threads_that_run_in_turn_stay_on_one_node(void **state)
{
    char *main_text, *workers;
    struct groups groups = two_groups();
    (void)state;
    groups.ran_ns = groups.items[1].ran_ns = CPU;
    written(&groups, &main_text, &workers);
    assert_has(workers, "distribution = \"primary\"");
    assert_has(main_text, "match = { main = true }\nbind_to = \"node\"\ndistribution = \"primary\"");
}

static void background_stays_near_its_creators(void **state)
{
    char *main_text, *workers;
    struct groups groups = two_groups();
    (void)state;
    groups.items[1].ran_ns = CPU / 100;
    groups.items[1].changes = 1000;
    written(&groups, &main_text, &workers);
    assert_has(workers, "distribution = \"inherit\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_threads_come_to_those_that_they_share_with),
        cmocka_unit_test(what_all_share_is_interleaved),
        cmocka_unit_test(a_little_evidence_interleaves_nothing),
        cmocka_unit_test(threads_that_run_in_turn_stay_on_one_node),
        cmocka_unit_test(background_stays_near_its_creators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
