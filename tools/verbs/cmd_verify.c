#include <errno.h>

#include "config/json_text.h"
#include "policy/compile.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/memory_policy.h"
#include "tools/common/process.h"
#include "tools/prepare/options.h"
#include "tools/report/not_adopted.h"
#include "tools/report/report_values.h"
#include "tools/segment/snapshot.h"
#include "tools/segment/targets.h"
#include "tools/verbs/verbs.h"

const char verify_help[] = HELP_TARGETS HELP_WIDE HELP_JSON;

/*
 * What each thread is to have, against what the kernel says that it has now: CPUs from the plan and the claims of
 * exclusive threads as they are now, the memory policy from what was read back when it was set. Of a process that is
 * governed from outside: CPUs as `apply` asked for them.
 */

#define VERIFY_VERSION 2

struct verdict {
    const char *word; /* "as-asked", "drifted", "program", "not-asked", "gone", "pending", "not-measured" */
    bool is_no, is_unknown;
};

struct answer {
    bool no;               /* something is not as asked */
    unsigned not_measured; /* CPUs and memory policies of threads that the kernel does not show */
};

static bool is_sound(const struct snapshot *snapshot, const struct segment_thread *thread)
{
    return snapshot->has_plan && thread->slot < snapshot->plan.count[PLAN_SLOTS];
}

/* Never beyond what the process was started with. */
static void within_base(struct cpuset *set, const struct snapshot *snapshot, uint32_t mask)
{
    struct segment_header header = snapshot->header;
    struct cpuset base = {header.base_mask, header.base_mask_words};
    if (plan_mask_cpuset(&snapshot->plan, mask, set) == 0)
        cpuset_and(set, &base);
}

/* The CPUs of exclusive threads belong to no other thread. */
static void drop_claims(struct cpuset *set, const struct snapshot *snapshot, const struct segment_thread *thread)
{
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct segment_thread *other = &snapshot->threads[i];
        struct cpuset claim = CPUSET_EMPTY;
        if (other != thread && other->state == THREAD_LIVE && (other->flags & THREAD_FLAG_CLAIMS) &&
            is_sound(snapshot, other) &&
            plan_mask_cpuset(&snapshot->plan, snapshot->plan.slots[other->slot].claim_mask, &claim) == 0)
            cpuset_andnot(set, &claim);
        cpuset_free(&claim);
    }
}

/* false: nothing is asked. */
static bool expected_cpus(const struct snapshot *snapshot, const struct segment_thread *thread, struct cpuset *set)
{
    const struct plan_view *plan = &snapshot->plan;
    struct cpuset asked;
    if (snapshot->from_outside)
        return outside_record_asked(&snapshot->outside, thread->tid, &asked) && cpuset_copy(set, &asked) == 0;
    if (is_sound(snapshot, thread)) {
        within_base(set, snapshot, plan->slots[thread->slot].mask);
        drop_claims(set, snapshot, thread);
        if (cpuset_is_empty(set)) /* all of it is claimed: shared, then */
            within_base(set, snapshot, plan->slots[thread->slot].mask);
        return true;
    }
    if (!(thread->flags & THREAD_FLAG_UNION) || !snapshot->has_plan)
        return false;
    within_base(set, snapshot, plan->header->main_mask);
    return true;
}

static struct verdict judge(const struct segment_thread *thread, const struct cpuset *expected,
                            const struct cpuset *now, bool asked)
{
    bool same = cpuset_equal(expected, now);
    if (!asked)
        return (struct verdict){.word = "not-asked"};
    if (same)
        return (struct verdict){.word = "as-asked"};
    /* the program's own choice, and what the rule allowed it */
    if ((thread->flags & THREAD_FLAG_PROGRAM) &&
        (thread->cpu_outcome == OUTCOME_BEST_EFFORT || cpuset_is_subset(now, expected)))
        return (struct verdict){.word = "program"};
    return (struct verdict){.word = "drifted", .is_no = true};
}

static struct verdict judge_policy(const struct snapshot *snapshot, const struct segment_thread *thread,
                                   struct memory_policy *ret_now, bool *ret_is_known)
{
    *ret_is_known = false;
    if (thread->mem_reason == REASON_OUTSIDE)
        return (struct verdict){.word = "left-out"};
    if (thread->mem_outcome == OUTCOME_PENDING)
        return (struct verdict){.word = "pending"};
    if (thread->got_policy == GOT_NO_POLICY)
        return (struct verdict){.word = "not-asked"};
    if (memory_policy_now(ret_now, (pid_t)snapshot->header.pid, (pid_t)thread->tid) < 0)
        return (struct verdict){.word = "not-measured", .is_unknown = true};
    *ret_is_known = true;
    struct memory_policy got = memory_policy_of(thread->got_policy, thread->got_nodes, thread->got_more_nodes != 0);
    if (!memory_policy_equal(&got, ret_now))
        return (struct verdict){.word = "drifted", .is_no = true};
    return (struct verdict){.word = thread->mem_reason == REASON_APP_KEPT ? "program" : "as-asked"};
}

/* Adds "policy", "policy_now" and "policy_verdict". */
static void verify_policy(json_t *entry, const struct snapshot *snapshot, const struct segment_thread *thread,
                          struct answer *answer)
{
    struct memory_policy now;
    char text[MEMORY_POLICY_TEXT] = "";
    bool is_known;
    struct verdict verdict = judge_policy(snapshot, thread, &now, &is_known);
    json_t *got = report_memory_policy(thread);
    if (is_known)
        memory_policy_text(&now, text);
    json_object_set_new(entry, "policy", json_is_string(got) ? json_incref(got) : json_string(""));
    json_object_set_new(entry, "policy_now", verdict.is_unknown ? json_null() : json_string(text));
    json_object_set_new(entry, "policy_verdict", json_string(verdict.word));
    json_decref(got);
    answer->no = answer->no || verdict.is_no;
    answer->not_measured += verdict.is_unknown;
}

static json_t *verify_thread(const struct snapshot *snapshot, const struct segment_thread *thread,
                             struct answer *answer)
{
    struct cpuset expected = CPUSET_EMPTY, now = CPUSET_EMPTY;
    bool asked = expected_cpus(snapshot, thread, &expected);
    struct verdict verdict = {.word = "gone"};
    int error = thread_cpus_now((pid_t)snapshot->header.pid, (pid_t)thread->tid, &now);
    if (error == 0)
        verdict = judge(thread, &expected, &now, asked);
    else if (error != -ESRCH && asked)
        verdict = (struct verdict){.word = "not-measured", .is_unknown = true};
    bool memory = thread->mem_outcome == OUTCOME_NONE || thread->mem_outcome == OUTCOME_BEST_EFFORT;
    json_t *entry = json_pack("{s:i, s:o, s:o, s:o, s:o, s:s, s:s}", "tid", (int)thread->tid, "name",
                              json_any_text(thread->name), "rule", report_rule_name(snapshot, thread->rule), "asked",
                              report_owned_text(asked ? cpuset_to_string(&expected) : NULL), "now",
                              report_owned_text(cpuset_to_string(&now)), "verdict", verdict.word, "memory",
                              memory ? reason_word(thread->mem_reason) : "");
    bool is_refused = thread->mem_outcome == OUTCOME_NONE && thread->mem_reason != REASON_OUTSIDE;
    answer->no = answer->no || verdict.is_no || is_refused;
    answer->not_measured += verdict.is_unknown;
    if (error != -ESRCH)
        verify_policy(entry, snapshot, thread, answer);
    cpuset_free(&expected);
    cpuset_free(&now);
    return entry;
}

static void print_threads(const json_t *threads)
{
    static const char *const headings[] = {"TID",     "THREAD", "RULE",       "ASKED",          "NOW",
                                           "VERDICT", "POLICY", "POLICY-NOW", "POLICY-VERDICT", "MEMORY"};
    static const char *const keys[] = {"tid",     "name",   "rule",       "asked",          "now",
                                       "verdict", "policy", "policy_now", "policy_verdict", "memory"};
    rows_print(stdout, threads, headings, keys, 10);
}

static void print_answer(const json_t *document, const struct answer *answer)
{
    print_threads(json_object_get(document, "threads"));
    not_adopted_text(stdout, document);
    if (answer->no)
        printf("not as asked\n");
    else if (json_is_true(json_object_get(document, "from_outside")) && !answer->not_measured)
        printf("as asked, of what is set from outside\n");
    else if (answer->not_measured)
        printf(
            "as asked as far as measured; not measured: %u (the kernel shows memory policies to the same user and with "
            "CAP_SYS_PTRACE)\n",
            answer->not_measured);
    else
        printf("as asked\n");
}

/* What threads that are asked for have, of all or of one. */
static json_t *verify_threads(const struct snapshot *snapshot, pid_t tid, struct answer *answer)
{
    json_t *threads = json_array();
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct segment_thread *thread = &snapshot->threads[i];
        if (thread->state == THREAD_LIVE && (!tid || thread->tid == (uint32_t)tid))
            json_array_append_new(threads, verify_thread(snapshot, thread, answer));
    }
    return threads;
}

static int verify(void *context, const struct target *target)
{
    const bool *json = context;
    struct snapshot snapshot;
    struct answer answer = {0};
    int status = snapshot_of(&snapshot, target->pid);
    if (status != EXIT_OK)
        return status;
    json_t *threads = verify_threads(&snapshot, target->tid, &answer);
    json_t *document =
        json_pack("{s:i, s:i, s:b, s:b, s:i, s:o, s:o}", "nodewise_verify", VERIFY_VERSION, "pid", (int)target->pid,
                  "from_outside", snapshot.from_outside, "as_asked", !answer.no, "not_measured",
                  (int)answer.not_measured, "threads", threads, "not_adopted", not_adopted_threads(&snapshot));
    snapshot_free(&snapshot);
    if (*json) {
        print_json(stdout, document);
    } else {
        print_answer(document, &answer);
        json_decref(document);
    }
    return answer.no ? EXIT_NO : EXIT_OK;
}

int cmd_verify(int argc, char **argv)
{
    bool json = false;
    if (take_view_options("verify", argc, argv, &json) != EXIT_OK)
        return EXIT_BAD_INPUT;
    return finish_output(targets_view("verify", argv + optind, (size_t)(argc - optind), !json, verify, &json));
}
