#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/json_text.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/option_error.h"
#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/prepare/options.h"
#include "tools/prepare/outside.h"
#include "tools/prepare/plan_cache.h"
#include "tools/prepare/rank.h"
#include "tools/prepare/share_plans.h"
#include "tools/report/report_json.h"
#include "tools/segment/request.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"
#include "tools/segment/targets.h"
#include "tools/verbs/verbs.h"

const char reload_help[] = HELP_POLICY
    "  --wait SECONDS      how long to wait until the process has noticed (10)\n" HELP_JSON
    "A process that sleeps or computes notices nothing. After a second its threads get their CPUs from outside; the\n"
    "rest waits for the process, which takes the policy as soon as it runs again.\n"
    "Ends with 1 when the process refused the plan, has not noticed and cannot be placed from outside, or when a mask\n"
    "was not granted.\n";

#define NOTICED 1.0  /* seconds in which a process that runs has noticed */
#define SETTLED 0.05 /* seconds in which one that was about to notice has */

struct order {
    pid_t pid;
    double wait;
    bool json;
    struct policy_options policy;
};

/* --- the plan, for that process --- */

/*
 * The share that the process has is the share that it keeps. The path of its plan says which, whatever gave it: a
 * launcher's variables, which the program may have overwritten with a title since, or the ledger.
 */
static struct rank_portion portion_of(const struct snapshot *snapshot, size_t *ret_length)
{
    const char *path = snapshot->header.plan_path;
    *ret_length = strlen(path);
    if (snapshot->has_plan && snapshot->plan.header->process_share == PLAN_NONE)
        return (struct rank_portion){0, 0, 0};
    return share_plan_portion(path, ret_length);
}

/* By which the process has its portion; where its plan is gone, that of the policy that it gets. */
static enum process_distribution distribution_of(const struct snapshot *snapshot, const struct policy *policy)
{
    return snapshot->has_plan ? snapshot->plan.header->process_distribution : policy->process.distribution;
}

/* What the policy's own plan, beside the share's, was allowed to use. false: it is gone. */
static bool mask_of_all_shares(const struct snapshot *snapshot, size_t length, uint64_t *ret_mask, size_t words)
{
    char path[sizeof(snapshot->header.plan_path)];
    struct file_bytes file;
    struct plan_view plan;
    snprintf(path, sizeof(path), "%.*s", (int)length, snapshot->header.plan_path);
    if (!snapshot->has_plan || read_file(&file, path, PLAN_MAX_SIZE) < 0)
        return false;
    bool fits = plan_check(&plan, file.data, file.size, NULL) == 0 &&
                plan.header->policy_id == snapshot->plan.header->policy_id;
    if (fits)
        plan_mask_expand(&plan, plan.header->allowed_mask, ret_mask, words);
    free(file.data);
    return fits;
}

/*
 * A plan is made for the CPUs that its maker may use: this command takes those that the process was started with. What
 * the segment says of a process with a share from the ledger is the share alone.
 */
static int become_like(const struct snapshot *snapshot, struct rank_portion portion, size_t length)
{
    static uint64_t all[PLAN_MAX_CPUS / 64];
    const struct segment_header *header = &snapshot->header;
    if (portion.parts > 0 && mask_of_all_shares(snapshot, length, all, PLAN_MAX_CPUS / 64) &&
        syscall(SYS_sched_setaffinity, 0, sizeof(all), all) == 0)
        return EXIT_OK;
    if (syscall(SYS_sched_setaffinity, 0, header->base_mask_words * 8ul, header->base_mask) == 0)
        return EXIT_OK;
    print_error("this command cannot run on the CPUs that process %u was started with: %s", header->pid,
                strerror(errno));
    return EXIT_MACHINE;
}

/* A process keeps its policy unless another is named: `auto` holds for one that has it already. */
static bool has_auto(const struct snapshot *snapshot)
{
    return snapshot->has_plan && config_is_auto(plan_text(&snapshot->plan, snapshot->plan.header->source));
}

static int make_plan(const struct order *order, const struct snapshot *snapshot, char **ret_path)
{
    struct policy_options policy = order->policy;
    struct prepared prepared;
    size_t length;
    struct rank_portion portion = portion_of(snapshot, &length);
    int status = become_like(snapshot, portion, length);
    if (status != EXIT_OK)
        return status;
    policy.no_default = !has_auto(snapshot);
    status = prepare_policy(&prepared, &policy, TALK_WARNINGS);
    if (status == EXIT_OK) {
        rank_take_from(prepared.config.policy, order->pid); /* gpu:auto is the GPU of its rank */
        status = plan_cache_get_portion(ret_path, &prepared, &policy, portion,
                                        distribution_of(snapshot, prepared.config.policy));
    }
    prepared_free(&prepared);
    return status;
}

/* --- the request --- */

static int ask(pid_t pid, const char *plan, uint32_t *ret_number)
{
    struct segment_file segment;
    int error = segment_find(&segment, pid);
    if (error == 0) {
        error = request_make(&segment, RELOAD_SUFFIX, plan, ret_number);
        segment_close(&segment);
    }
    if (error < 0)
        print_error("process %d cannot be asked: %s", (int)pid, strerror(-error));
    return error;
}

/* What the process says of itself once it has dealt with the request. false: not in time. */
static bool wait_for(const struct order *order, uint32_t number, double seconds, struct snapshot *ret_after)
{
    struct segment_file segment;
    if (!request_wait(order->pid, number, seconds) || segment_find(&segment, order->pid) != 0)
        return false;
    bool read = snapshot_read(ret_after, &segment) == 0;
    segment_close(&segment);
    return read;
}

/* --- the difference --- */

static const json_t *find_thread(const json_t *threads, long long tid)
{
    size_t index;
    json_t *thread;
    json_array_foreach((json_t *)threads, index, thread) {
        if (number_of(thread, "tid") == tid && strcmp(text_of(thread, "state"), "live") == 0)
            return thread;
    }
    return NULL;
}

static bool differs(const json_t *a, const json_t *b, const char *key)
{
    return strcmp(text_of(a, key), text_of(b, key)) != 0;
}

/* Threads that have another rule or other CPUs now. */
static json_t *difference(const json_t *before, const json_t *after)
{
    const json_t *old = json_object_get(before, "threads");
    json_t *changed = json_array(), *thread;
    size_t index;
    json_array_foreach(json_object_get(after, "threads"), index, thread) {
        const json_t *was = find_thread(old, number_of(thread, "tid"));
        if (strcmp(text_of(thread, "state"), "live") != 0 ||
            (was && !differs(was, thread, "rule") && !differs(was, thread, "asked")))
            continue;
        json_array_append_new(
            changed, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "tid", (json_int_t)number_of(thread, "tid"),
                               "name", text_of(thread, "name"), "rule_before", was ? text_of(was, "rule") : "", "rule",
                               text_of(thread, "rule"), "asked_before", was ? text_of(was, "asked") : "", "asked",
                               text_of(thread, "asked"), "outcome", text_of(thread, "outcome")));
    }
    return changed;
}

static void print_difference(const json_t *changed)
{
    static const char *const headings[] = {"TID", "THREAD", "RULE-BEFORE", "RULE", "ASKED-BEFORE", "ASKED", "OUTCOME"};
    static const char *const keys[] = {"tid", "name", "rule_before", "rule", "asked_before", "asked", "outcome"};
    rows_print(stdout, changed, headings, keys, 7);
}

static int tell(const struct order *order, const struct snapshot *before, const struct snapshot *after)
{
    unsigned reason = after->header.reload_reason;
    if (reason != REASON_OK) {
        print_error("process %d keeps its policy: %s", (int)order->pid, reason_text(reason));
        return EXIT_NO;
    }
    json_t *old = report_json(before), *new = report_json(after), *changed = difference(old, new);
    json_decref(old);
    json_decref(new);
    if (order->json) {
        print_json(stdout,
                   json_pack("{s:i, s:i, s:o, s:o}", "nodewise_reload", 1, "pid", (int)order->pid, "policy",
                             json_any_text(after->has_plan ? plan_text(&after->plan, after->plan.header->source) : ""),
                             "changed", changed));
        return finish_output(EXIT_OK);
    }
    if (json_array_size(changed))
        print_difference(changed);
    printf("%zu threads have another rule or other CPUs\n", json_array_size(changed));
    json_decref(changed);
    return finish_output(EXIT_OK);
}

/* --- from outside --- */

/* The threads as they were, with what they have got. */
static json_t *as_placed(const struct snapshot *before, const struct outside *outside, const struct plan_view *plan)
{
    json_t *report = report_json(before);
    const json_t *threads = json_object_get(report, "threads");
    for (size_t i = 0; i < outside->count; i++) {
        const struct placed *placed = &outside->threads[i];
        json_t *thread = (json_t *)find_thread(threads, placed->tid);
        char *cpus = cpuset_to_string(&placed->cpus);
        if (thread && cpus) {
            json_object_set_new(
                thread, "rule",
                json_string(placed->rule == PLAN_NONE ? "(base)" : plan_text(plan, plan->rules[placed->rule].name)));
            json_object_set_new(thread, "asked", json_string(cpus));
            json_object_set_new(thread, "outcome", json_string(outcome_word(placed->outcome)));
        }
        free(cpus);
    }
    return report;
}

/* What only the process can do, in words; "" where that is nothing but to note the policy. */
static json_t *what_waits(const struct snapshot *before, const struct plan_view *plan)
{
    unsigned features = plan->header->features | (before->has_plan ? before->plan.header->features : 0);
    json_t *waits = json_array();
    if (features & PLAN_HAS_MEMPOLICY)
        json_array_append_new(waits, json_string("memory policies"));
    if (features & PLAN_HAS_STACKS)
        json_array_append_new(waits, json_string("stacks"));
    json_array_append_new(waits, json_string("arenas"));
    if (plan->header->features & PLAN_HAS_RENAME)
        json_array_append_new(waits, json_string("names"));
    json_array_append_new(waits, json_string("new threads"));
    return waits;
}

static void print_waits(const json_t *waits)
{
    const char *between = "waits for the program: ";
    size_t index;
    json_t *word;
    json_array_foreach(waits, index, word) {
        printf("%s%s", between, json_string_value(word));
        between = ", ";
    }
    putchar('\n');
}

static int tell_outside(const struct order *order, const struct snapshot *before, const struct plan_view *plan,
                        const struct outside *outside)
{
    json_t *old = report_json(before), *new = as_placed(before, outside, plan), *changed = difference(old, new);
    json_t *waits = what_waits(before, plan);
    int status = outside->not_set ? EXIT_NO : EXIT_OK;
    json_decref(old);
    json_decref(new);
    if (order->json) {
        print_json(stdout, json_pack("{s:i, s:i, s:s, s:o, s:b, s:o}", "nodewise_reload", 1, "pid", (int)order->pid,
                                     "policy", plan_text(plan, plan->header->source), "changed", changed,
                                     "from_outside", 1, "waits", waits));
        return finish_output(status);
    }
    if (json_array_size(changed))
        print_difference(changed);
    printf("process %d sleeps or computes: %zu of %zu threads have their CPUs from outside, read back\n",
           (int)order->pid, outside->count - outside->not_set, outside->count);
    print_waits(waits);
    json_decref(changed);
    json_decref(waits);
    return finish_output(status);
}

/* Places the threads. EXIT_OK; *ret_told false: the process has taken the plan itself meanwhile. */
static int place_and_tell(const struct order *order, const struct snapshot *before, const struct plan_view *plan,
                          uint32_t number, bool *ret_told)
{
    struct outside outside;
    int error = outside_place(&outside, before, plan);
    int status = EXIT_MACHINE;
    *ret_told = true;
    if (error < 0)
        print_error("out of memory");
    else if (request_wait(order->pid, number, SETTLED))
        *ret_told = false;
    else
        status = tell_outside(order, before, plan, &outside);
    outside_free(&outside);
    return status;
}

/* For a process that has not noticed. *ret_told false: the process has to be asked again, or cannot be placed so. */
static int from_outside(const struct order *order, const struct snapshot *before, const char *path, uint32_t number,
                        bool *ret_told)
{
    struct file_bytes file = {0};
    struct plan_view plan;
    uint32_t key = PLAN_KEY_COUNT;
    int status = EXIT_OK;
    *ret_told = false;
    if (read_file(&file, path, PLAN_MAX_SIZE) == 0 && plan_check(&plan, file.data, file.size, NULL) == 0 &&
        outside_is_possible(before, &plan)) {
        if (outside_is_target(before, &plan, &key)) {
            status = place_and_tell(order, before, &plan, number, ret_told);
        } else {
            print_error("process %d keeps its policy: %s", (int)order->pid, reason_text(REASON_NO_TARGET));
            *ret_told = true;
            status = EXIT_NO;
        }
    }
    free(file.data);
    return status;
}

/* --- all of it --- */

static int wait_and_tell(const struct order *order, const struct snapshot *before, uint32_t number, double seconds)
{
    struct snapshot after;
    if (!wait_for(order, number, seconds, &after)) {
        print_error("process %d has not run since: it takes the policy as soon as it runs again", (int)order->pid);
        return EXIT_NO;
    }
    int status = tell(order, before, &after);
    snapshot_free(&after);
    return status;
}

/*
 * A process that took the plan while the command set masks may have set others before: it is asked once more, and its
 * word is the last.
 */
static int carry_out(const struct order *order, const struct snapshot *before, const char *plan)
{
    uint32_t number = 0;
    bool told = false;
    if (ask(order->pid, plan, &number) < 0)
        return EXIT_NO_PROCESS;
    if (!request_wait(order->pid, number, order->wait < NOTICED ? order->wait : NOTICED)) {
        int status = from_outside(order, before, plan, number, &told);
        if (told)
            return status;
        if (request_wait(order->pid, number, 0) && ask(order->pid, plan, &number) < 0)
            return EXIT_NO_PROCESS;
    }
    return wait_and_tell(order, before, number, order->wait);
}

/* Why the process is given no other policy; false: it may be. */
static bool cannot_reload(const struct snapshot *before, pid_t pid)
{
    if (before->from_outside)
        print_error("process %d is governed from outside: `nodewise apply -p POLICY %d` gives it another policy",
                    (int)pid, (int)pid);
    else if (before->has_plan && (before->plan.header->features & PLAN_IS_PRETENDED))
        print_error("process %d was started with --topology, and its places are only recorded: start it again",
                    (int)pid);
    else
        return false;
    return true;
}

static int reload(const struct order *order)
{
    struct snapshot before;
    char *plan = NULL;
    int status = snapshot_of(&before, order->pid);
    if (status != EXIT_OK)
        return status;
    if (cannot_reload(&before, order->pid)) {
        snapshot_free(&before);
        return EXIT_NO;
    }
    status = make_plan(order, &before, &plan);
    if (status == EXIT_OK)
        status = carry_out(order, &before, plan);
    snapshot_free(&before);
    free(plan);
    return status;
}

static int reload_one(void *context, const struct target *target)
{
    struct order *order = context;
    order->pid = target->pid;
    return reload(order);
}

int cmd_reload(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY, OPTIONS_JSON, {"wait", required_argument, NULL, OPTION_VERB}, {0}};
    struct order order = {.wait = 10};
    int option;
    while ((option = getopt_long(argc, argv, LETTERS_POLICY, long_options, NULL)) != -1) {
        if (option == OPTION_VERB)
            order.wait = strtod(optarg, NULL);
        else if (!take_policy_option(&order.policy, option, &order.json))
            return option_error("reload", argv, long_options);
    }
    int status = targets_view("reload", argv + optind, (size_t)(argc - optind), false, reload_one, &order);
    policy_options_free(&order.policy);
    return status;
}
