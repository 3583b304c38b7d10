#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/apply/moving.h"
#include "tools/prepare/prepare.h"

#define MACHINE "numa:4 core:2 pu:1" /* node n has the CPUs 2n and 2n+1 */

enum { BASE, FOLLOWS, STAYS, SPREADS };
static const char policy[] =
    "schema = 1\n"
    "[[rules]]\nname = \"follows\"\nmatch = { thread = \"f*\" }\n"
    "memory = { migrate_on_move = true, move_bytes = \"1GiB\", move_time = \"100ms\" }\n"
    "[[rules]]\nname = \"stays\"\nmatch = { thread = \"s*\" }\n"
    "[[rules]]\nname = \"spreads\"\nmatch = { thread = \"i*\" }\nmemory = { policy = \"interleave\", "
    "nodes = \"0,3\", migrate_on_move = true, move_bytes = \"2GiB\", move_time = \"200ms\" }\n";

static struct prepared prepared;

static int compile(void **state)
{
    (void)state;
    char path[] = "/tmp/nodewise-moving-XXXXXX";
    int fd = mkstemp(path);
    struct policy_options options = {.file = path, .topology = MACHINE, .no_search = true};
    if (fd < 0 || write(fd, policy, sizeof(policy) - 1) != sizeof(policy) - 1)
        return -1;
    close(fd);
    int status = prepare_policy(&prepared, &options, TALK_ERRORS);
    if (status == 0)
        status = prepare_plan(&prepared, &options, TALK_ERRORS);
    unlink(path);
    return status;
}

static int forget(void **state)
{
    (void)state;
    prepared_free(&prepared);
    return 0;
}

/* A thread of that rule (from 1 on; BASE: none) on those CPUs. */
static struct target_thread on(int rule, const char *cpus)
{
    const struct plan_view *plan = &prepared.view;
    struct target_thread thread = {.rule = rule == BASE ? PLAN_NONE : (uint32_t)rule - 1, .picked = rule != BASE};
    assert_int_equal(cpuset_parse_list(&thread.asked, cpus, NULL), 0);
    if (rule != BASE)
        thread.pick.slot = plan->rules[rule - 1].slot_first;
    return thread;
}

static void ask(struct moving *moving, struct target_thread *threads, size_t count, uint64_t budget)
{
    const struct target target = {.threads = threads, .count = count};
    assert_int_equal(moving_ask(moving, &prepared.view, &target, budget), 0);
    for (size_t i = 0; i < count; i++)
        cpuset_free(&threads[i].asked);
}

static void check_nodes(struct moving *moving, const char *nodes)
{
    char *text = cpuset_to_string(&moving->nodes);
    assert_non_null(text);
    assert_string_equal(text, nodes);
    assert_int_equal(moving_is_due(moving), *nodes != '\0');
    free(text);
    moving_free(moving);
}

static void memory_goes_to_the_nodes_of_those_whom_it_follows(void **state)
{
    (void)state;
    struct moving moving = {.settled = false};
    struct target_thread threads[] = {on(FOLLOWS, "2-3"), on(STAYS, "0-1"), on(FOLLOWS, "6"), on(BASE, "4-5")};
    ask(&moving, threads, 4, MOVING_NO_BUDGET);
    assert_int_equal(moving.pass_bytes, 1u << 30);
    assert_int_equal(moving.pass_ms, 100);
    assert_false(moving.interleaves);
    check_nodes(&moving, "1,3");
}

static void a_budget_of_the_command_is_for_all_threads(void **state)
{
    (void)state;
    struct moving moving = {.settled = false};
    struct target_thread threads[] = {on(FOLLOWS, "2-3"), on(STAYS, "0-1"), on(BASE, "")};
    ask(&moving, threads, 3, 4096);
    assert_int_equal(moving.pass_bytes, 4096);
    assert_int_equal(moving.pass_ms, 0);
    check_nodes(&moving, "0-1");
}

static void without_a_budget_nothing_moves(void **state)
{
    (void)state;
    struct moving moving = {.settled = false};
    struct target_thread threads[] = {on(FOLLOWS, "2-3")};
    ask(&moving, threads, 1, 0);
    check_nodes(&moving, "");
}

static void the_nodes_of_a_memory_policy_come_before_those_of_the_cpus(void **state)
{
    (void)state;
    struct moving moving = {.settled = false};
    struct target_thread threads[] = {on(SPREADS, "2-3"), on(SPREADS, "4-5")};
    ask(&moving, threads, 2, MOVING_NO_BUDGET);
    assert_true(moving.interleaves);
    check_nodes(&moving, "0,3");
}

static void of_several_budgets_the_least_counts_and_one_that_does_not_interleave_decides(void **state)
{
    (void)state;
    struct moving moving = {.settled = false};
    struct target_thread threads[] = {on(SPREADS, "2-3"), on(FOLLOWS, "4-5")};
    ask(&moving, threads, 2, MOVING_NO_BUDGET);
    assert_false(moving.interleaves);
    assert_int_equal(moving.pass_bytes, 1u << 30);
    assert_int_equal(moving.pass_ms, 100);
    check_nodes(&moving, "0,2-3");
}

static void what_was_done_stays_done_until_the_nodes_are_others(void **state)
{
    (void)state;
    struct moving moving = {.settled = false};
    struct target_thread first[] = {on(FOLLOWS, "2-3")}, same[] = {on(FOLLOWS, "2")}, other[] = {on(FOLLOWS, "4")};
    ask(&moving, first, 1, MOVING_NO_BUDGET);
    moving.settled = true;
    moving.cursor = 4711;
    moving.moved = 8192;
    ask(&moving, same, 1, MOVING_NO_BUDGET);
    assert_true(moving.settled && moving.cursor == 4711);
    ask(&moving, other, 1, MOVING_NO_BUDGET);
    assert_true(!moving.settled && moving.cursor == 0 && moving.moved == 8192);
    check_nodes(&moving, "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_goes_to_the_nodes_of_those_whom_it_follows),
        cmocka_unit_test(a_budget_of_the_command_is_for_all_threads),
        cmocka_unit_test(without_a_budget_nothing_moves),
        cmocka_unit_test(the_nodes_of_a_memory_policy_come_before_those_of_the_cpus),
        cmocka_unit_test(of_several_budgets_the_least_counts_and_one_that_does_not_interleave_decides),
        cmocka_unit_test(what_was_done_stays_done_until_the_nodes_are_others),
    };
    return cmocka_run_group_tests(tests, compile, forget);
}
