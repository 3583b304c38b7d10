/*
 * The handshakes of docs/design/ordering.md, each as the few loads and stores that it is made of, in every execution that
 * C11 allows (tests/weak_memory.h). None may end badly; and with any one of the orders that the code asks for taken away,
 * one does: so each is needed, and the search would find a missing one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/weak_memory.h"

#define LOAD(where, to, how)                                                                                           \
    {                                                                                                                  \
        .kind = WEAK_LOAD, .place = (where), .result = (to), .order = (how)                                            \
    }
#define STORE(where, what, how)                                                                                        \
    {                                                                                                                  \
        .kind = WEAK_STORE, .place = (where), .value = (what), .order = (how)                                          \
    }
#define EXCHANGE(where, what, to, how)                                                                                 \
    {                                                                                                                  \
        .kind = WEAK_EXCHANGE, .place = (where), .value = (what), .result = (to), .order = (how)                       \
    }
#define COMPARE(where, was, what, to, how)                                                                             \
    {                                                                                                                  \
        .kind = WEAK_COMPARE, .place = (where), .expected = (was), .value = (what), .result = (to), .order = (how)     \
    }
#define FENCE                                                                                                          \
    {                                                                                                                  \
        .kind = WEAK_FENCE                                                                                             \
    }
#define IF(of, is)                                                                                                     \
    {                                                                                                                  \
        .kind = WEAK_IF, .result = (of), .expected = (is)                                                              \
    }

/* Takes the order of a step away; a fence altogether, and a read-modify-write that `splits` becomes a plain store. */
struct weaker {
    uint8_t thread, step;
    bool splits;
};

static void check(const struct weak_program *program, bool (*is_bad)(const struct weak_end *),
                  const struct weaker *weaker, unsigned count)
{
    unsigned long executions;
    assert_false(weak_can_end(program, is_bad, &executions));
    assert_true(executions > 1);
    for (unsigned i = 0; i < count; i++) {
        struct weak_program other = *program;
        struct weak_step *step = &other.threads[weaker[i].thread][weaker[i].step];
        if (weaker[i].splits)
            step->kind = WEAK_STORE;
        else if (step->kind == WEAK_FENCE)
            *step = (struct weak_step)IF(7, 0); /* which is always so */
        step->order = RELAXED;
        if (!weak_can_end(&other, is_bad, NULL))
            fail_msg("step %u of thread %u is not needed", weaker[i].step, weaker[i].thread);
    }
}

#define CHECK(program, is_bad, ...)                                                                                    \
    do {                                                                                                               \
        const struct weaker weaker[] = __VA_ARGS__;                                                                    \
        check(&(program), is_bad, weaker, sizeof(weaker) / sizeof(*weaker));                                           \
    } while (0)

#define WITHOUT_ORDER(thread, step)                                                                                    \
    {                                                                                                                  \
        thread, step, false                                                                                            \
    }
#define AS_A_STORE(thread, step)                                                                                       \
    {                                                                                                                  \
        thread, step, true                                                                                             \
    }

/* --- look again: heap.h, arena.c --- */

enum { CPU, RULE, HEAP }; /* places */
enum { A_CPU = 5, LOOKED = 6, AGAIN = 7 };

/* The thread goes on by the old rule, and nothing makes it look at it again. */
static bool old_rule_for_good(const struct weak_end *end)
{
    return end->results[0] == 0 && end->places[CPU] == A_CPU;
}

static void who_is_told_to_look_again_sees_what_changed(void **state)
{
    static const struct weak_program program = {
        .threads_count = 2,
        .threads = {
            {EXCHANGE(CPU, LOOKED, 1, ACQUIRE), LOAD(RULE, 0, RELAXED), COMPARE(CPU, LOOKED, A_CPU, 1, RELAXED)},
            {STORE(RULE, 1, RELAXED), STORE(CPU, AGAIN, RELEASE)},
        }};
    (void)state;
    CHECK(program, old_rule_for_good, {WITHOUT_ORDER(0, 0), AS_A_STORE(0, 0), AS_A_STORE(0, 2), WITHOUT_ORDER(1, 1)});
}

/* The one who tells marks the heap that it finds; the borrower compares what it chose by with what is there afterwards. */
static void a_change_beside_a_new_heap_is_seen(void **state)
{
    static const struct weak_program program = {
        .threads_count = 2,
        .threads = {
            {STORE(CPU, LOOKED, RELAXED), STORE(HEAP, 1, RELAXED), FENCE, LOAD(RULE, 0, RELAXED),
             COMPARE(CPU, LOOKED, A_CPU, 1, RELAXED)},
            {STORE(RULE, 1, RELAXED), FENCE, LOAD(HEAP, 2, RELAXED), IF(2, 1), STORE(CPU, AGAIN, RELEASE)},
        }};
    (void)state;
    CHECK(program, old_rule_for_good, {WITHOUT_ORDER(0, 2), WITHOUT_ORDER(1, 1), AS_A_STORE(0, 4)});
}

/* --- remote frees: remote.c, small.c --- */

enum { REMOTE, NEWER, LINK, OTHER_LINK };
enum { ASKS = 1, BLOCK = 2, BLOCKS = 3 };

/* 0: what the freeing thread found; 1: `newer` as it sees it; 2: what the owner found; 3, 4: the links. */
static bool link_or_page_is_old(const struct weak_end *end)
{
    bool page = end->results[0] == ASKS && end->results[1] == 0;
    return page || (end->results[2] == BLOCK && !end->results[3]) || (end->results[2] == BLOCKS && !end->results[4]);
}

static void a_remote_free_hands_over_the_block_and_gets_the_page(void **state)
{
    static const struct weak_program program = {
        .threads_count = 2,
        .threads = {
            {STORE(NEWER, 1, RELAXED), COMPARE(REMOTE, 0, ASKS, 5, RELEASE), EXCHANGE(REMOTE, 0, 2, ACQUIRE),
             LOAD(LINK, 3, RELAXED)},
            {STORE(LINK, 1, RELAXED), EXCHANGE(REMOTE, BLOCK, 0, ACQ_REL), IF(0, ASKS), LOAD(NEWER, 1, RELAXED)},
        }};
    (void)state;
    CHECK(program, link_or_page_is_old, {WITHOUT_ORDER(0, 1), WITHOUT_ORDER(0, 2), WITHOUT_ORDER(1, 1)});
}

/* The second thread's push stands on the first one's: the owner sees the first one's link, too. */
static void pushes_of_several_threads_are_all_seen(void **state)
{
    static const struct weak_program program = {
        .threads_count = 3,
        .threads = {
            {EXCHANGE(REMOTE, 0, 2, ACQUIRE), LOAD(LINK, 3, RELAXED), LOAD(LINK, 4, RELAXED)},
            {STORE(LINK, 1, RELAXED), COMPARE(REMOTE, 0, BLOCK, 5, ACQ_REL)},
            {STORE(OTHER_LINK, 1, RELAXED), COMPARE(REMOTE, BLOCK, BLOCKS, 6, ACQ_REL)},
        }};
    (void)state;
    CHECK(program, link_or_page_is_old, {WITHOUT_ORDER(0, 0), WITHOUT_ORDER(1, 1)});
}

/* --- a page in use: page.h, small.c, large.c, moving.c --- */

enum { KIND, OWNER };

static bool old_owner(const struct weak_end *end)
{
    return end->results[0] && !end->results[1];
}

static void who_sees_a_page_in_use_sees_whose_it_is(void **state)
{
    static const struct weak_program program = {.threads_count = 2,
                                                .threads = {
                                                    {STORE(OWNER, 1, RELAXED), STORE(KIND, 1, RELEASE)},
                                                    {LOAD(KIND, 0, ACQUIRE), LOAD(OWNER, 1, RELAXED)},
                                                }};
    (void)state;
    CHECK(program, old_owner, {WITHOUT_ORDER(0, 1), WITHOUT_ORDER(1, 0)});
}

/* --- texts and a new segment: texts.c, segment.c --- */

enum { NEWEST, MAPPED, TEXT };

/* 0: the segment as the one who keeps a text sees it; 1: the text in the list, 2: and its bytes, as the copy sees them. */
static bool text_is_lost_or_unfinished(const struct weak_end *end)
{
    return (!end->results[0] && !end->results[1]) || (end->results[1] && !end->results[2]);
}

static void a_text_comes_into_a_new_segment_whole(void **state)
{
    static const struct weak_program program = {
        .threads_count = 2,
        .threads = {
            {STORE(TEXT, 1, RELAXED), EXCHANGE(NEWEST, 1, 5, RELEASE), FENCE, LOAD(MAPPED, 0, ACQUIRE)},
            {STORE(MAPPED, 1, RELEASE), FENCE, LOAD(NEWEST, 1, ACQUIRE), IF(1, 1), LOAD(TEXT, 2, RELAXED)},
        }};
    (void)state;
    CHECK(program, text_is_lost_or_unfinished,
          {WITHOUT_ORDER(0, 1), WITHOUT_ORDER(0, 2), WITHOUT_ORDER(1, 1), WITHOUT_ORDER(1, 2)});
}

/* --- two that announce, and then look at the other: state.h and reload.c; settle.c --- */

enum { MINE, YOURS };

static bool neither_sees_the_other(const struct weak_end *end)
{
    return !end->results[0] && !end->results[1];
}

/* seq_cst, as shim.inside with shim.phase, a record's `work` with its `busy`, dozes with calls, idle memory with called: each is announced by a full fence. */
static void of_two_that_announce_and_look_one_sees_the_other(void **state)
{
    static const struct weak_program program = {.threads_count = 2,
                                                .threads = {
                                                    {EXCHANGE(MINE, 1, 5, ACQ_REL), FENCE, LOAD(YOURS, 0, ACQUIRE)},
                                                    {EXCHANGE(YOURS, 1, 6, ACQ_REL), FENCE, LOAD(MINE, 1, ACQUIRE)},
                                                }};
    (void)state;
    CHECK(program, neither_sees_the_other, {WITHOUT_ORDER(0, 1), WITHOUT_ORDER(1, 1)});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_told_to_look_again_sees_what_changed),
        cmocka_unit_test(a_change_beside_a_new_heap_is_seen),
        cmocka_unit_test(a_remote_free_hands_over_the_block_and_gets_the_page),
        cmocka_unit_test(pushes_of_several_threads_are_all_seen),
        cmocka_unit_test(who_sees_a_page_in_use_sees_whose_it_is),
        cmocka_unit_test(a_text_comes_into_a_new_segment_whole),
        cmocka_unit_test(of_two_that_announce_and_look_one_sees_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
