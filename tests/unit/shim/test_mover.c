#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/memory/apart.h"
#include "shim/memory/mover.h"

#define SECOND UINT64_C(1000000000)
#define PAGE   page_size()

/* Rule 0 may move little in bytes, rule 1 little in time, rule 2 is the default. */
static struct plan_header header = {.default_rule = 2};
static const struct plan_rule rules[] = {{.move_bytes = 1 << 20, .move_ms = 500},
                                         {.move_bytes = UINT64_C(1) << 32, .move_ms = 3},
                                         {.move_bytes = 5 << 20, .move_ms = 50}};
static struct mover mover;

void apart_note(struct apart *apart, uintptr_t address, uint32_t node) /* nothing is moved here */
{
    (void)apart;
    fail_msg("%lx to %u", (unsigned long)address, node);
}

static int set_up(void **state)
{
    (void)state;
    shim.plan = (struct plan_view){.header = &header, .rules = rules};
    shim.plan.count[PLAN_RULES] = 3;
    header.default_rule = 2;
    mover_init(&mover);
    return 0;
}

static void each_rule_has_its_budget(void **state)
{
    static const struct {
        uint32_t rule;
        uint64_t bytes, ns;
    } cases[] = {{0, 1 << 20, SECOND / 2}, {1, UINT64_C(1) << 32, 3000000}, {PLAN_NONE, 5 << 20, 50000000}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        mover_begin(&mover, cases[i].rule);
        assert_int_equal(mover.bytes_a_second, cases[i].bytes);
        assert_int_equal(mover.ns_a_second, cases[i].ns);
    }
    header.default_rule = PLAN_NONE;
    mover_begin(&mover, PLAN_NONE);
    assert_int_equal(mover.bytes_a_second, MOVER_BYTES);
    assert_int_equal(mover.ns_a_second, MOVER_NS);
}

static void of_two_rules_the_smaller_budget_counts(void **state)
{
    (void)state;
    mover_begin(&mover, 0);
    mover_also(&mover, 1);
    assert_int_equal(mover.bytes_a_second, 1 << 20);
    assert_int_equal(mover.ns_a_second, 3000000);
}

/* What one second has used of it, in bytes or in time. */
static void a_used_budget_is_waited_for(void **state)
{
    static const struct {
        uint64_t bytes, ns;
        bool waits;
    } cases[] = {{0, 0, false},
                 {(1 << 20) - 4096, SECOND / 2 - 1, false},
                 {1 << 20, 0, true},
                 {0, SECOND / 2, true},
                 {2 << 20, SECOND, true}};
    (void)state;
    mover_begin(&mover, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        mover.second_began = monotonic_ns();
        mover.second_bytes = cases[i].bytes;
        mover.second_ns = cases[i].ns;
        uint64_t wait = mover_wait(&mover);
        if ((wait > 0) != cases[i].waits)
            fail_msg("case %zu: %lu", i, (unsigned long)wait);
        assert_in_range(wait, 0, SECOND);
    }
}

static void the_next_second_has_a_budget_of_its_own(void **state)
{
    (void)state;
    mover_begin(&mover, 0);
    mover.second_began = monotonic_ns() - SECOND;
    mover.second_bytes = 2 << 20;
    mover.second_ns = SECOND;
    assert_int_equal(mover_wait(&mover), 0);
    assert_int_equal(mover.second_bytes, 0);
    assert_int_equal(mover.second_ns, 0);
}

static void a_batch_takes_whole_pages_while_there_is_room(void **state)
{
    (void)state;
    assert_int_equal(mover_add(&mover, 10 * PAGE + 1, PAGE, 3), PAGE); /* no page lies within */
    assert_int_equal(mover.count, 0);
    assert_int_equal(mover_add(&mover, 10 * PAGE - 1, 2 * PAGE + 2, 3), 2 * PAGE + 2);
    assert_int_equal(mover.count, 2);
    assert_ptr_equal(mover.pages[0], (void *)(10 * PAGE));
    assert_int_equal(mover.targets[1], 3);
    size_t taken = mover_add(&mover, 100 * PAGE, 2 * MOVER_BATCH * PAGE, 1);
    assert_int_equal(taken, (MOVER_BATCH - 2) * PAGE);
    assert_int_equal(mover.count, MOVER_BATCH);
    assert_int_equal(mover_add(&mover, 100 * PAGE, PAGE, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_rule_has_its_budget, set_up),
        cmocka_unit_test_setup(of_two_rules_the_smaller_budget_counts, set_up),
        cmocka_unit_test_setup(a_used_budget_is_waited_for, set_up),
        cmocka_unit_test_setup(the_next_second_has_a_budget_of_its_own, set_up),
        cmocka_unit_test_setup(a_batch_takes_whole_pages_while_there_is_room, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
