#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shim/base/state.h"
#include "shim/place/apply.h"
#include "shim/place/first_pages.h"
#include "shim/place/thread_stack.h"

#define OTHER ((size_t)256 << 10) /* not the usual one */

/* What these tests do not come to. */
uintptr_t first_pages_stack_end(void)
{
    return 0;
}

void first_pages_settle(struct thread *thread, uint32_t node)
{
    (void)thread;
    (void)node;
}

void apply_refused(struct thread *thread, enum placing_call call, int error)
{
    (void)thread;
    (void)call;
    (void)error;
}

static struct plan_header header;
static struct plan_rule rules[2];
static pthread_attr_t attributes;
static size_t usual; /* of stacks without attributes, as glibc says */

static int set_up(void **state)
{
    (void)state;
    header = (struct plan_header){.features = PLAN_HAS_STACKS};
    rules[0] = (struct plan_rule){.stack = STACK_THP_OFF};
    rules[1] = (struct plan_rule){.stack = STACK_DEFAULT};
    shim.plan.header = &header;
    shim.plan.rules = rules;
    stack_start();
    return pthread_attr_init(&attributes) || pthread_attr_getstacksize(&attributes, &usual) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return pthread_attr_destroy(&attributes);
}

/* What is noted for a new thread of that rule; the creator's memory policy is not touched for it. */
static size_t noted(uint32_t rule, const pthread_attr_t *with)
{
    struct thread thread = {.rule = rule, .stack_size = 77};
    struct stack_loan loan;
    stack_prepare(&thread, with, &loan);
    assert_false(loan.lent);
    return thread.stack_size;
}

static void without_attributes_it_is_the_usual_size(void **state)
{
    (void)state;
    assert_int_equal(noted(0, NULL), usual);
}

static void attributes_that_ask_for_no_size_mean_the_usual_one(void **state)
{
    (void)state;
    assert_int_equal(noted(0, &attributes), usual);
}

static void the_size_that_was_asked_for_is_noted(void **state)
{
    (void)state;
    assert_int_equal(pthread_attr_setstacksize(&attributes, OTHER), 0);
    assert_int_equal(noted(0, &attributes), OTHER);
}

/* Its pages are the program's, and stay where they are. */
static void a_stack_that_the_program_brings_is_none_of_ours(void **state)
{
    void *stack = aligned_alloc(4096, OTHER);
    (void)state;
    assert_int_equal(pthread_attr_setstack(&attributes, stack, OTHER), 0);
    assert_int_equal(noted(0, &attributes), 0);
    free(stack);
}

static void a_rule_without_a_wish_needs_no_size(void **state)
{
    (void)state;
    assert_int_equal(noted(1, NULL), 0);
    assert_int_equal(noted(PLAN_NONE, NULL), 0);
    header.features |= PLAN_HAS_MIGRATE; /* but where stacks may follow */
    assert_int_equal(noted(1, NULL), usual);
    assert_int_equal(noted(PLAN_NONE, NULL), usual);
}

static void a_plan_without_wishes_costs_nothing(void **state)
{
    (void)state;
    header.features = 0;
    assert_int_equal(noted(0, NULL), 77);
}

#define STACK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STACK_TEST(without_attributes_it_is_the_usual_size),
        STACK_TEST(attributes_that_ask_for_no_size_mean_the_usual_one),
        STACK_TEST(the_size_that_was_asked_for_is_noted),
        STACK_TEST(a_stack_that_the_program_brings_is_none_of_ours),
        STACK_TEST(a_rule_without_a_wish_needs_no_size),
        STACK_TEST(a_plan_without_wishes_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
