#include "tools/prepare/outside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/match.h"
#include "tools/common/read_file.h"

#define WORDS (PLAN_MAX_CPUS / 64)

/* --- what is known --- */

bool outside_is_possible(const struct snapshot *snapshot, const struct plan_view *plan)
{
    const unsigned noted = PLAN_NEEDS_LIBRARIES | PLAN_NEEDS_FUNCTIONS;
    const unsigned unknown = PLAN_NEEDS_CALLSTACK | PLAN_NEEDS_PARENT;
    unsigned before = snapshot->has_plan ? snapshot->plan.header->features : 0, needs = plan->header->features;
    return snapshot->header.state == SEGMENT_ACTIVE && !(needs & unknown) && !(needs & noted & ~before);
}

struct known {
    struct process_facts process;
    char exe[PATH_MAX], argv[4096];
};

/* The process itself looks its path up late. */
static void know_exe(struct known *known, const struct segment_header *header)
{
    char path[64];
    snprintf(known->exe, sizeof(known->exe), "%s", header->exe);
    if (*known->exe)
        return;
    snprintf(path, sizeof(path), "/proc/%u/exe", header->pid);
    ssize_t length = readlink(path, known->exe, sizeof(known->exe) - 1);
    known->exe[length > 0 ? length : 0] = '\0';
}

static void know_process(struct known *known, const struct snapshot *snapshot)
{
    const struct segment_header *header = &snapshot->header;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/cmdline", header->pid);
    size_t length = read_start(path, known->argv, sizeof(known->argv));
    for (size_t i = 0; i + 1 < length; i++)
        if (!known->argv[i])
            known->argv[i] = ' ';
    know_exe(known, header);
    known->process = (struct process_facts){.exe = known->exe,
                                            .comm = header->comm,
                                            .argv = known->argv,
                                            .index = PLAN_NONE,
                                            .uid = header->uid,
                                            .forked = header->forked};
}

bool outside_is_target(const struct snapshot *snapshot, const struct plan_view *plan, uint32_t *ret_key)
{
    struct known known;
    know_process(&known, snapshot);
    return match_target(plan, &known.process, ret_key);
}

static const char *text_of_thread(const struct snapshot *snapshot, uint16_t offset)
{
    const char *text = snapshot_string(snapshot, offset);
    return *text ? text : NULL;
}

static struct thread_facts facts_of(const struct snapshot *snapshot, const struct segment_thread *thread,
                                    const struct process_facts *process)
{
    bool named = (thread->flags & THREAD_FLAG_NAMED) && !(thread->flags & THREAD_FLAG_RENAMED);
    return (struct thread_facts){
        .name = thread->name,
        .unnamed = !named,
        .main = thread->flags & THREAD_FLAG_MAIN,
        .index = thread->index,
        .start_library = text_of_thread(snapshot, thread->start_library),
        .start_function = text_of_thread(snapshot, thread->start_function),
        .creator_library = text_of_thread(snapshot, thread->creator_library),
        .creator_function = text_of_thread(snapshot, thread->creator_function),
        .process = process,
    };
}

/* --- masks --- */

struct words {
    uint64_t bits[WORDS];
};

static bool is_empty(const struct words *mask)
{
    for (size_t i = 0; i < WORDS; i++)
        if (mask->bits[i])
            return false;
    return true;
}

static struct words both(const struct words *a, const struct words *b)
{
    struct words result;
    for (size_t i = 0; i < WORDS; i++)
        result.bits[i] = a->bits[i] & b->bits[i];
    return result;
}

static bool are_equal(const struct words *a, const struct words *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static struct words words_of(const struct cpuset *set)
{
    struct words result = {{0}};
    CPUSET_FOREACH(id, set)
        if ((unsigned)id < WORDS * 64)
            result.bits[id / 64] |= UINT64_C(1) << id % 64;
    return result;
}

static int to_cpuset(const struct words *mask, struct cpuset *ret_set)
{
    int error = 0;
    for (unsigned id = 0; id < WORDS * 64 && error == 0; id++)
        if (mask->bits[id / 64] >> id % 64 & 1)
            error = cpuset_add(ret_set, id);
    return error;
}

/* The CPUs that the process keeps within: those of its share by the new plan, or those of its start. */
static struct words limit_of(const struct snapshot *snapshot, const struct plan_view *plan)
{
    struct words limit = {{0}};
    bool shares = plan->header->process_share != PLAN_NONE ||
                  (snapshot->has_plan && snapshot->plan.header->process_share != PLAN_NONE);
    if (shares || snapshot->header.base_mask_words > SEGMENT_MASK_WORDS)
        plan_mask_expand(plan, plan->header->allowed_mask, limit.bits, WORDS);
    else
        memcpy(limit.bits, snapshot->header.base_mask, snapshot->header.base_mask_words * sizeof(*limit.bits));
    return limit;
}

/* --- one thread --- */

/* The tid stands in the process's own record of it: it has to be one of its threads. */
static bool is_its_thread(const struct snapshot *snapshot, uint32_t tid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/task/%u", snapshot->header.pid, tid);
    return access(path, F_OK) == 0;
}

/* What is left of a mask that the program chose, as on_app_affinity says. */
static struct words arbitrated(const struct plan_view *plan, uint32_t rule, const struct words *now,
                               const struct words *place)
{
    uint32_t decides = rule == PLAN_NONE ? plan->header->default_rule : rule;
    enum app_affinity choice =
        decides == PLAN_NONE ? APP_RESPECT : (enum app_affinity)plan->rules[decides].on_app_affinity;
    struct words within = both(now, place);
    if (choice == APP_RESPECT)
        return *now;
    return choice == APP_CLAMP && !is_empty(&within) ? within : *place;
}

static struct words place_of(const struct sim_thread *thread, const struct words *limit)
{
    struct words cpus = words_of(&thread->cpus), place = both(&cpus, limit);
    return is_empty(&place) ? *limit : place;
}

static enum outcome set_one(pid_t tid, const struct words *wanted, const struct words *now)
{
    struct words got = {{0}};
    if (are_equal(wanted, now))
        return OUTCOME_STRICT;
    if (syscall(SYS_sched_setaffinity, tid, sizeof(*wanted), wanted) != 0 ||
        syscall(SYS_sched_getaffinity, tid, sizeof(got), got.bits) < 0)
        return OUTCOME_NONE;
    return are_equal(&got, wanted) ? OUTCOME_STRICT : OUTCOME_BEST_EFFORT;
}

/* false: the thread has ended meanwhile. */
static bool place_one(struct placed *ret_placed, const struct segment_thread *record, const struct sim_thread *thread,
                      const struct plan_view *plan, const struct words *limit)
{
    struct words now = {{0}}, place = place_of(thread, limit);
    pid_t tid = (pid_t)record->tid;
    if (syscall(SYS_sched_getaffinity, tid, sizeof(now), now.bits) < 0)
        return false;
    if (record->flags & THREAD_FLAG_PROGRAM)
        place = arbitrated(plan, thread->rule, &now, &place);
    *ret_placed = (struct placed){.tid = tid, .rule = thread->rule};
    ret_placed->outcome = set_one(tid, &place, &now);
    return to_cpuset(&place, &ret_placed->cpus) == 0;
}

/* --- all threads --- */

/* As the process does: in the order of creation, and all are decided about before the first mask is set. */
static int decide(struct sim_thread **ret_threads, const struct segment_thread **records, size_t *ret_count,
                  const struct snapshot *snapshot, const struct plan_view *plan, const struct process_facts *process)
{
    struct sim_thread *threads = calloc(snapshot->thread_count + 1, sizeof(*threads));
    size_t count = 0;
    if (!threads)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct segment_thread *record = &snapshot->threads[i];
        if (record->state != THREAD_LIVE || !is_its_thread(snapshot, record->tid))
            continue;
        records[count] = record;
        threads[count++].facts = facts_of(snapshot, record, process);
    }
    int error = plan_simulate(plan, threads, count);
    *ret_threads = threads;
    *ret_count = count;
    return error;
}

int outside_place(struct outside *ret_outside, const struct snapshot *snapshot, const struct plan_view *plan)
{
    struct words limit = limit_of(snapshot, plan);
    struct sim_thread *threads = NULL;
    struct known known;
    size_t count = 0;
    const struct segment_thread **records = calloc(snapshot->thread_count + 1, sizeof(*records));
    *ret_outside = (struct outside){.threads = calloc(snapshot->thread_count + 1, sizeof(struct placed))};
    know_process(&known, snapshot);
    int error =
        records && ret_outside->threads ? decide(&threads, records, &count, snapshot, plan, &known.process) : -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct placed *placed = &ret_outside->threads[ret_outside->count];
        if (error == 0 && place_one(placed, records[i], &threads[i], plan, &limit)) {
            ret_outside->not_set += placed->outcome != OUTCOME_STRICT;
            ret_outside->count++;
        }
        cpuset_free(&threads[i].cpus);
    }
    free(threads);
    free(records);
    return error;
}

void outside_free(struct outside *outside)
{
    for (size_t i = 0; i < outside->count; i++)
        cpuset_free(&outside->threads[i].cpus);
    free(outside->threads);
}
