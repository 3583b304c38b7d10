#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shim/base/chosen.h"
#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/place/apply.h"
#include "shim/place/arbitrate.h"
#include "shim/place/counted.h"
#include "shim/place/cpu_count.h"
#include "shim/place/decide.h"
#include "shim/place/origin.h"
#include "shim/place/settle.h"
#include "shim/place/thread_policy.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/segment.h"
#include "shim/telemetry/texts.h"

/* --- a kernel of eight CPUs and its one thread --- */

static uint64_t kernel, place; /* what the thread has, and what its rule gives it */
static unsigned settings;      /* calls that changed the former */
static int refusal;            /* of the next ones */
static struct event told;
static int memory_mode;

int sys_get_affinity(pid_t tid, uint64_t *ret_bits, size_t words, size_t *ret_words)
{
    assert_int_not_equal(tid, 0); /* in a child of vfork that would be another thread than the record's */
    *ret_bits = kernel;
    *ret_words = words;
    return 0;
}

int sys_set_affinity(pid_t tid, const uint64_t *bits, size_t words)
{
    assert_int_not_equal(tid, 0);
    (void)words;
    settings++;
    if (!refusal)
        kernel = *bits;
    return refusal;
}

int sys_get_mempolicy(int *ret_mode, uint64_t *ret_nodes, size_t words)
{
    *ret_mode = memory_mode;
    memset(ret_nodes, 0, words * 8);
    return 0;
}

static uint64_t counted; /* the CPUs that the program chose for a thread; 0: it counts in its place */

void cpu_count_asked(struct thread *thread, const struct mask *asked)
{
    (void)thread;
    (void)asked;
}

void counted_on(struct thread *thread, const struct mask *cpus)
{
    (void)thread;
    counted = *cpus->bits;
}

void counted_in_place(struct thread *thread)
{
    (void)thread;
    counted = 0;
}

void apply_place(struct thread *thread, struct mask *ret_mask)
{
    (void)thread;
    mask_copy(ret_mask, &place);
}

void settle_give_back(struct thread *thread)
{
    atomic_store(&thread->busy, 0);
}

void settle_work(struct thread *thread, unsigned work)
{
    atomic_fetch_or(&thread->work, work);
}

void thread_policy_apply(struct thread *thread)
{
    thread->memory = STANDING_RULE;
}

void thread_policy_of_program(struct thread *thread)
{
    thread->memory = STANDING_PROGRAM;
}

static uint64_t remembered; /* what main chose, for those that follow it; 0: nothing */

void chosen_note_mask(const uint64_t *mask, size_t words)
{
    assert_int_equal(words, 1);
    remembered = mask ? *mask : 0;
}

static bool memory_remembered;

void chosen_note_memory(bool is_chosen)
{
    memory_remembered = is_chosen;
}

uint32_t decide_rule(const struct thread *of)
{
    assert_true(of->main);
    return 0;
}

struct origin origin_of(const void *address)
{
    (void)address;
    return (struct origin){1, 0};
}

const char *texts_get(uint16_t offset)
{
    return offset ? "/usr/lib/libasks.so" : NULL;
}

void segment_event(const struct event *event)
{
    told = *event;
}

void segment_thread(const struct thread *thread, enum segment_thread_state state)
{
    (void)thread;
    (void)state;
}

/* --- the record --- */

static struct plan_header header = {.default_rule = PLAN_NONE};
static struct plan_rule rules[1];
static struct plan_slot slots[1];
static struct thread thread;

static int set_up(void **state)
{
    (void)state;
    shim.plan = (struct plan_view){.header = &header, .rules = rules, .slots = slots};
    shim.base.words = 1;
    shim.base.mask[0] = 0xff;
    thread = (struct thread){.holds_pick = true, .cpus = STANDING_RULE};
    atomic_store(&thread.tid, 100);
    thread_self = &thread;
    settings = 0;
    refusal = 0;
    told = (struct event){0};
    remembered = 0;
    memory_remembered = false;
    return 0;
}

/* The program asks for these CPUs, and the kernel grants them. */
static void program_asks(uint64_t cpus)
{
    struct thread *owned = arbitrate_begin(0);
    assert_ptr_equal(owned, &thread);
    kernel = cpus;
    errno = 77;
    assert_true(arbitrate_end(owned, &(struct affinity_call){0, sizeof(cpus), &cpus, &thread}, true));
    assert_int_equal(errno, 77);
    assert_false(atomic_load(&thread.busy));
}

/* --- tests --- */

static void what_stays_of_a_wish(void **state)
{
    static const struct {
        enum app_affinity choice;
        uint64_t asked, place, result;
        enum reason reason;
        enum outcome outcome;
    } cases[] = {
        {APP_RESPECT, 0xf0, 0x0f, 0xf0, REASON_APP_KEPT, OUTCOME_BEST_EFFORT},
        {APP_RESPECT, 0x03, 0x0f, 0x03, REASON_APP_KEPT, OUTCOME_STRICT},
        {APP_CLAMP, 0x03, 0x0f, 0x03, REASON_APP_KEPT, OUTCOME_STRICT},
        {APP_CLAMP, 0x3c, 0x0f, 0x0c, REASON_APP_CLAMPED, OUTCOME_STRICT},
        {APP_CLAMP, 0xf0, 0x0f, 0x0f, REASON_APP_OUTSIDE, OUTCOME_STRICT},
        {APP_CLAMP, 0x0f, 0x0f, 0x0f, REASON_APP_KEPT, OUTCOME_STRICT},
        {APP_IGNORE, 0x03, 0x0f, 0x0f, REASON_APP_IGNORED, OUTCOME_STRICT},
        /* the n-th of all becomes the n-th of the place, around and around */
        {APP_REMAP, 0x01, 0x30, 0x10, REASON_APP_REMAPPED, OUTCOME_STRICT},
        {APP_REMAP, 0x02, 0x30, 0x20, REASON_APP_REMAPPED, OUTCOME_STRICT},
        {APP_REMAP, 0x08, 0x30, 0x20, REASON_APP_REMAPPED, OUTCOME_STRICT},
        {APP_REMAP, 0x80, 0x70, 0x20, REASON_APP_REMAPPED, OUTCOME_STRICT},
        {APP_REMAP, 0x05, 0x30, 0x10, REASON_APP_REMAPPED, OUTCOME_STRICT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        set_up(state);
        rules[0].on_app_affinity = (uint8_t)cases[i].choice;
        place = cases[i].place;
        program_asks(cases[i].asked);
        if (kernel != cases[i].result || thread.cpu_reason != cases[i].reason || thread.cpu_outcome != cases[i].outcome)
            fail_msg("case %zu: %lx, reason %u, outcome %u", i, (unsigned long)kernel, thread.cpu_reason,
                     thread.cpu_outcome);
        assert_int_equal(settings, cases[i].asked != cases[i].result);
        assert_int_equal(thread.got_cpus, __builtin_popcountll(kernel));
        assert_int_equal(thread.cpus, kernel == place ? STANDING_RULE : STANDING_PROGRAM);
    }
}

/* Numbers are counted among the CPUs that the process was started with. */
static void remap_counts_what_the_process_may_use(void **state)
{
    (void)state;
    rules[0].on_app_affinity = APP_REMAP;
    shim.base.mask[0] = 0xaa; /* 1, 3, 5, 7 */
    place = 0x22;             /* 1, 5 */
    program_asks(0x08);       /* the second one */
    assert_int_equal(kernel, 0x20);
}

static void who_asked_is_told(void **state)
{
    (void)state;
    rules[0].on_app_affinity = APP_CLAMP;
    place = 0x0f;
    program_asks(0x3c);
    assert_int_equal(told.kind, EVENT_AFFINITY);
    assert_int_equal(told.value, 4);
    assert_int_equal(told.tid, 100);
    assert_string_equal(told.text, "libasks.so");
}

static void a_call_that_failed_changes_nothing(void **state)
{
    (void)state;
    rules[0].on_app_affinity = APP_IGNORE;
    kernel = place = 0x0f;
    arbitrate_end(arbitrate_begin(0), &(struct affinity_call){0, 0, NULL, &thread}, false);
    assert_int_equal(kernel, 0x0f);
    assert_int_equal(settings, 0);
    assert_int_equal(thread.cpu_reason, 0);
    assert_false(atomic_load(&thread.busy));
}

/* The thread keeps what the program got, and the record what it said before. */
static void what_the_kernel_refuses_us_leaves_the_programs_mask(void **state)
{
    (void)state;
    rules[0].on_app_affinity = APP_CLAMP;
    place = 0x0f;
    refusal = -EPERM;
    program_asks(0x3c);
    assert_int_equal(kernel, 0x3c);
    assert_int_equal(thread.cpus, STANDING_RULE);
}

static void a_thread_without_a_place_is_the_programs_own(void **state)
{
    (void)state;
    rules[0].on_app_affinity = APP_IGNORE;
    thread.holds_pick = false;
    place = 0x0f;
    program_asks(0xf0);
    assert_int_equal(kernel, 0xf0);
    assert_int_equal(thread.cpus, STANDING_PROGRAM);
}

static void what_main_keeps_is_remembered_for_those_that_follow_it(void **state)
{
    (void)state;
    static const struct {
        enum app_affinity choice;
        uint64_t asked, remembered;
    } cases[] = {
        {APP_RESPECT, 0xf0, 0xf0}, {APP_CLAMP, 0x3c, 0x0c}, {APP_CLAMP, 0x0f, 0x0f},
        {APP_CLAMP, 0xf0, 0},      {APP_REMAP, 0x30, 0x03}, {APP_IGNORE, 0x03, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(NULL);
        thread.main = true;
        rules[0].on_app_affinity = (uint8_t)cases[i].choice;
        place = 0x0f;
        program_asks(cases[i].asked);
        assert_int_equal(remembered, cases[i].remembered);
    }
}

static void what_main_sets_back_is_no_choice(void **state)
{
    (void)state;
    thread.main = true;
    rules[0].on_app_affinity = APP_CLAMP;
    place = 0x0f;
    program_asks(0x01);
    assert_int_equal(remembered, 0x01);
    program_asks(0x0f);
    assert_int_equal(remembered, 0);
}

static void another_threads_choice_is_not_for_those_that_follow(void **state)
{
    (void)state;
    rules[0].on_app_affinity = APP_RESPECT;
    place = 0x0f;
    program_asks(0x01);
    assert_int_equal(remembered, 0);
}

static void mains_memory_policy_is_remembered_as_far_as_it_stays(void **state)
{
    (void)state;
    thread.main = true;
    rules[0].mem_policy = MEM_LOCAL;
    rules[0].on_app_affinity = APP_IGNORE;
    arbitrate_memory(true, false, &thread);
    assert_false(memory_remembered);
    rules[0].on_app_affinity = APP_RESPECT;
    arbitrate_memory(true, false, &thread);
    assert_true(memory_remembered);
    arbitrate_memory(true, true, &thread);
    assert_false(memory_remembered);
    rules[0].mem_policy = MEM_DEFAULT;
}

static void a_record_that_its_owner_has_is_left_alone(void **state)
{
    (void)state;
    atomic_store(&thread.busy, 1); /* a signal handler in the middle of our own work */
    assert_null(arbitrate_begin(0));
    atomic_store(&thread.busy, 0);
}

/* Its record is the parent's, whose mask the call has not changed. Of what the thread has as called nobody is asked. */
static void a_call_of_a_vfork_child_is_not_its_parents(void **state)
{
    static uint32_t mark = 1;
    const uint64_t childs = 0x30;
    const struct affinity_call call = {0, sizeof(childs), &childs, &thread};
    (void)state;
    for (int with_place = 0; with_place < 2; with_place++) {
        set_up(state);
        rules[0].on_app_affinity = APP_RESPECT;
        thread.holds_pick = with_place;
        kernel = place = 0x0f;
        shim.pid = 1; /* this process is another one, and its memory no copy */
        shim.fork_mark = &mark;
        assert_false(arbitrate_end(arbitrate_begin(0), &call, true));
        assert_int_equal(told.kind, 0);
        assert_int_equal(thread.cpus, STANDING_RULE);
        assert_false(thread.chosen);
        kernel = childs;
        assert_true(arbitrate_end(arbitrate_begin(0), &call, true));
        assert_int_equal(told.kind, EVENT_AFFINITY);
        shim.pid = 0;
        shim.fork_mark = NULL;
    }
}

/* Its owner has not looked at its mask again, or sets it a moment later. */
static void what_a_busy_record_missed_is_its_owners_work(void **state)
{
    struct thread *other = thread_take();
    (void)state;
    assert_non_null(other);
    atomic_store(&other->tid, 200);
    atomic_store(&other->state, THREAD_LIVE);
    atomic_store(&other->busy, 1);
    assert_null(arbitrate_begin(200));
    const struct affinity_call call = {200, 0, NULL, &thread};
    assert_false(arbitrate_end(NULL, &call, false));
    assert_int_equal(atomic_load(&other->work), 0);
    assert_true(arbitrate_end(NULL, &call, true));
    assert_int_equal(atomic_load(&other->work), WORK_MASK);
    atomic_store(&other->work, 0);
    thread_give(other, THREAD_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_stays_of_a_wish, set_up),
        cmocka_unit_test_setup(remap_counts_what_the_process_may_use, set_up),
        cmocka_unit_test_setup(who_asked_is_told, set_up),
        cmocka_unit_test_setup(a_call_of_a_vfork_child_is_not_its_parents, set_up),
        cmocka_unit_test_setup(a_call_that_failed_changes_nothing, set_up),
        cmocka_unit_test_setup(what_the_kernel_refuses_us_leaves_the_programs_mask, set_up),
        cmocka_unit_test_setup(a_thread_without_a_place_is_the_programs_own, set_up),
        cmocka_unit_test_setup(what_main_keeps_is_remembered_for_those_that_follow_it, set_up),
        cmocka_unit_test_setup(what_main_sets_back_is_no_choice, set_up),
        cmocka_unit_test_setup(another_threads_choice_is_not_for_those_that_follow, set_up),
        cmocka_unit_test_setup(mains_memory_policy_is_remembered_as_far_as_it_stays, set_up),
        cmocka_unit_test_setup(a_record_that_its_owner_has_is_left_alone, set_up),
        cmocka_unit_test_setup(what_a_busy_record_missed_is_its_owners_work, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
