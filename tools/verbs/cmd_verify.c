#include <stdlib.h>

#include "policy/compile.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/prepare/options.h"
#include "tools/report/report_values.h"
#include "tools/report/unseen.h"
#include "tools/segment/snapshot.h"
#include "tools/verbs/verbs.h"

/*
 * What each thread is to have, taken from the plan and the claims of exclusive threads as they are now, against what
 * the kernel says that it has now.
 */

struct verdict {
    const char *word; /* "as-asked", "drifted", "program", "not-asked", "gone" */
    bool is_no;
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

/* Exclusive threads' CPUs are nobody else's. */
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
        return (struct verdict){"not-asked", false};
    if (same)
        return (struct verdict){"as-asked", false};
    /* the program's own choice, and what the rule allowed it */
    if ((thread->flags & THREAD_FLAG_PROGRAM) &&
        (thread->cpu_outcome == OUTCOME_BEST_EFFORT || cpuset_is_subset(now, expected)))
        return (struct verdict){"program", false};
    return (struct verdict){"drifted", true};
}

static json_t *verify_thread(const struct snapshot *snapshot, const struct segment_thread *thread, bool *ret_no)
{
    struct cpuset expected = CPUSET_EMPTY, now = CPUSET_EMPTY;
    bool asked = expected_cpus(snapshot, thread, &expected);
    struct verdict verdict = {"gone", false};
    if (thread_cpus_now((pid_t)snapshot->header.pid, (pid_t)thread->tid, &now) == 0)
        verdict = judge(thread, &expected, &now, asked);
    bool memory = thread->mem_outcome == OUTCOME_NONE || thread->mem_outcome == OUTCOME_BEST_EFFORT;
    char *expected_text = asked ? cpuset_to_string(&expected) : NULL, *now_text = cpuset_to_string(&now);
    json_t *name = json_string(thread->name);
    json_t *entry = json_pack("{s:i, s:o, s:o, s:s, s:s, s:s, s:s}", "tid", (int)thread->tid, "name",
                              name ? name : json_string("?"), "rule", report_rule_name(snapshot, thread->rule), "asked",
                              expected_text ? expected_text : "", "now", now_text ? now_text : "", "verdict",
                              verdict.word, "memory", memory ? reason_word(thread->mem_reason) : "");
    *ret_no = *ret_no || verdict.is_no || (memory && thread->mem_outcome == OUTCOME_NONE);
    free(expected_text);
    free(now_text);
    cpuset_free(&expected);
    cpuset_free(&now);
    return entry;
}

static void print_threads(const json_t *threads)
{
    static const char *const headings[] = {"TID", "THREAD", "RULE", "ASKED", "NOW", "VERDICT", "MEMORY"};
    static const char *const keys[] = {"tid", "name", "rule", "asked", "now", "verdict", "memory"};
    rows_print(stdout, threads, headings, keys, 7);
}

static int verify(pid_t pid, bool json)
{
    struct snapshot snapshot;
    bool no = false;
    int status = snapshot_of(&snapshot, pid);
    if (status != EXIT_OK)
        return status;
    json_t *threads = json_array();
    for (size_t i = 0; i < snapshot.thread_count; i++)
        if (snapshot.threads[i].state == THREAD_LIVE)
            json_array_append_new(threads, verify_thread(&snapshot, &snapshot.threads[i], &no));
    json_t *answer = json_pack("{s:i, s:i, s:b, s:o, s:o}", "nodewise_verify", 1, "pid", (int)pid, "as_asked", !no,
                               "threads", threads, "unseen", unseen_threads(&snapshot));
    snapshot_free(&snapshot);
    if (json) {
        print_json(stdout, answer);
    } else {
        print_threads(json_object_get(answer, "threads"));
        unseen_text(stdout, answer);
        printf("%s\n", no ? "not as asked" : "as asked");
        json_decref(answer);
    }
    return finish_output(no ? EXIT_NO : EXIT_OK);
}

int cmd_verify(int argc, char **argv)
{
    bool json = false;
    if (!take_only_json(argc, argv, &json))
        return usage_error("verify", "see its options");
    pid_t pid = optind + 1 == argc ? parse_pid(argv[optind]) : 0;
    if (!pid)
        return usage_error("verify", "give one process id");
    return verify(pid, json);
}
