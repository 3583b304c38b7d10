#include "tools/report/report_verdict.h"

#include <stdbool.h>
#include <string.h>

#include "tools/common/json_fields.h"
#include "tools/report/report_accesses.h"

#define LOCAL_ENOUGH 0.9
#define BUSY_TIMES   1.5 /* the fair share of the busiest node; more is said */

/* --- verdict --- */

struct counts {
    unsigned long long full, preferred, less, base, unlisted;
    const char *what; /* that are counted */
};

/* Made-up numbers may wrap around, as unsigned ones may. */
static unsigned long long count_in(const json_t *object, const char *key)
{
    return (unsigned long long)number_of(object, key);
}

/* A report that lists no threads: what the rules count, where a thread that was placed again counts again. */
static void count_placements(struct counts *counts, const json_t *rules)
{
    size_t index;
    json_t *rule;
    counts->what = "placements";
    json_array_foreach(rules, index, rule) {
        const json_t *steps = json_object_get(rule, "steps");
        if (strcmp(text_of(rule, "name"), "(base)") == 0)
            continue;
        counts->full += count_in(steps, "full");
        counts->preferred += count_in(steps, "preferred");
        counts->less += count_in(steps, "cpu_only") + count_in(steps, "memory_only") + count_in(steps, "none");
    }
}

/* Each thread once, by what it has, or had when it ended: not by what it had between its birth and its name. */
static void count_threads(struct counts *counts, const json_t *threads)
{
    size_t index;
    json_t *thread;
    counts->what = "threads";
    json_array_foreach(threads, index, thread) {
        const char *step = text_of(thread, "step");
        if (strcmp(text_of(thread, "rule"), "(base)") == 0 || strcmp(step, "not_asked") == 0)
            continue;
        if (strcmp(step, "full") == 0)
            counts->full++;
        else if (strcmp(step, "preferred") == 0)
            counts->preferred++;
        else
            counts->less++;
    }
}

static struct counts count_steps(const json_t *report)
{
    struct counts counts = {0};
    const json_t *rules = json_object_get(report, "rules"), *threads = json_object_get(report, "threads");
    unsigned long long listed = json_array_size(threads);
    unsigned long long started = count_in(json_object_get(report, "process"), "threads_started");
    size_t index;
    json_t *rule;
    json_array_foreach(rules, index, rule) {
        if (strcmp(text_of(rule, "name"), "(base)") == 0)
            counts.base += count_in(rule, "placed");
    }
    if (listed)
        count_threads(&counts, threads);
    else
        count_placements(&counts, rules);
    counts.unlisted = listed && started > listed ? started - listed : 0;
    return counts;
}

static const char *accesses_word(const json_t *report)
{
    double share = locality_of(report, "access_locality");
    return share < 0 ? "not_measured" : share < LOCAL_ENOUGH ? "remote" : "local";
}

static json_t *verdict_of(const json_t *report)
{
    struct counts counts = count_steps(report);
    const char *word = counts.less ? "not" : counts.preferred ? "partly" : counts.full ? "as_asked" : "nothing_asked";
    char text[256];
    if (!counts.full && !counts.preferred && !counts.less)
        snprintf(text, sizeof(text), "no thread was asked to be anywhere");
    else
        snprintf(text, sizeof(text), "%llu of %llu %s are as asked, %llu nearly, %llu not", counts.full,
                 counts.full + counts.preferred + counts.less, counts.what, counts.preferred, counts.less);
    size_t length = strlen(text);
    if (counts.unlisted)
        snprintf(text + length, sizeof(text) - length, "; %llu that have ended are no longer listed", counts.unlisted);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "word", word, "text", text, "accesses",
                     accesses_word(report), "full", (json_int_t)counts.full, "preferred", (json_int_t)counts.preferred,
                     "less", (json_int_t)counts.less, "without_rule", (json_int_t)counts.base);
}

/* --- localities --- */

static json_t *ratio(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_real(json_number_value(value)) : json_null();
}

static json_t *localities_of(const json_t *report)
{
    const json_t *accesses = json_object_get(report, "accesses");
    return json_pack("{s:o, s:o, s:o, s:o, s:s}", "alloc_locality",
                     ratio(json_object_get(report, "arenas"), "alloc_locality"), "home_locality",
                     ratio(json_object_get(report, "pages"), "home_locality"), "access_locality",
                     ratio(accesses, "access_locality"), "balance", ratio(accesses, "balance"),
                     "access_locality_reason", text_of(accesses, "reason"));
}

/* --- hints --- */

/* What a reason of a thread or rule asks to be changed. */
static const struct {
    const char *reason, *key, *text;
} advice[] = {
    {"no-free-slot", "exclusive",
     "there are more threads than places of their own: widen nodes or cpus, or drop exclusive"},
    {"oversubscribed", "nodes",
     "there are more threads than CPUs in the rule's set: widen nodes or cpus, or start fewer threads"},
    {"shared-cpu", "exclusive",
     "exclusive threads of another rule have all CPUs of the place: give the rules other CPUs"},
    {"empty-set", "nodes", "the set is empty on this machine: name an alternative, as in nodes = [\"1\", \"all\"]"},
    {"no-device", "near", "the device is not here: name an alternative, as in near = [\"netdev:eth0\", \"all\"]"},
    {"narrowed", "cpus", "the cgroup's cpuset or offline CPUs took some: compare cpus with `nodewise topo`"},
    {"changed", "on_app_affinity",
     "the program or another process set another mask afterwards: `nodewise why PID/TID` tells which library asked"},
    {"not-bound", "memory.nodes", "these nodes are not in the cpuset: name others, or use policy = \"preferred\""},
    {"mem-node", "memory.nodes", "the node has no memory for this process: name one that has"},
    {"no-mempolicy", "memory.policy",
     "the container or kernel offers no memory policies: allow set_mempolicy, mbind and move_pages in its seccomp "
     "profile (CAP_SYS_NICE in Docker's default one)"},
    {"old-kernel", "memory.policy", "a newer kernel has this memory policy; the next best is set"},
    {"eperm", "enforcement",
     "the kernel refused: a seccomp filter or a missing capability; `nodewise doctor` tells which"},
    {"no-home", "bind_to", "the thread's CPUs are on several nodes: bind_to = \"node\" gives it a home"},
    {"budget", "memory.move_bytes", "the budget for moving was used up: raise memory.move_bytes or memory.move_time"},
    {"not-moved", "memory.stack", "some pages are locked, shared, or found no room on the node"},
    {"no-huge-pages", "memory.huge_pages", "the kernel's pool is empty: set vm.nr_hugepages, or huge_pages = \"thp\""},
    {"app-outside", "on_app_affinity",
     "the program asks for CPUs outside its place: on_app_affinity = \"respect\" lets it, or change nodes"},
};

static void add_hint(json_t *hints, const char *key, const char *rule, const char *text)
{
    size_t index;
    json_t *hint;
    json_array_foreach(hints, index, hint) {
        if (strcmp(text_of(hint, "key"), key) == 0 && strcmp(text_of(hint, "rule"), rule) == 0)
            return;
    }
    json_array_append_new(hints, json_pack("{s:s, s:s, s:s}", "key", key, "rule", rule, "text", text));
}

static void advise(json_t *hints, const char *reason, const char *rule)
{
    for (size_t i = 0; i < sizeof(advice) / sizeof(*advice); i++)
        if (strcmp(advice[i].reason, reason) == 0)
            add_hint(hints, advice[i].key, rule, advice[i].text);
}

static void hints_of_threads(json_t *hints, const json_t *report)
{
    static const char *const reasons[] = {"reason", "memory_reason", "stack_reason"};
    size_t index;
    json_t *thread;
    json_array_foreach(json_object_get(report, "threads"), index, thread) {
        for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
            advise(hints, text_of(thread, reasons[i]), text_of(thread, "rule"));
    }
}

/* Threads without a rule, although rules exist. */
static void hint_of_base(json_t *hints, const json_t *report)
{
    long long without = number_of(json_object_get(report, "verdict"), "without_rule");
    if (without > 1 && json_array_size(json_object_get(report, "rules")) > 1)
        add_hint(
            hints, "defaults", "(base)",
            "threads match no rule and may run anywhere: a [defaults] table governs them, or a rule for their names");
}

/* What was measured of the program's own accesses comes before what follows from where memory was made. */
static void hints_of_accesses(json_t *hints, const json_t *report)
{
    double local = locality_of(report, "access_locality"), busiest = locality_of(report, "balance");
    size_t nodes = json_array_size(json_object_get(json_object_get(report, "machine"), "nodes"));
    if (local < 0 || local >= LOCAL_ENOUGH)
        return;
    if (nodes > 1 && busiest > BUSY_TIMES / (double)nodes)
        add_hint(
            hints, "memory.policy", "",
            "many accesses go to other nodes, and one node serves more than its share: next_touch = true moves what "
            "one node's threads use, policy = \"interleave\" spreads what all use");
    else
        add_hint(
            hints, "distribution", "",
            "many accesses go to other nodes: distribution = \"compact\" keeps threads that share memory together, "
            "next_touch = true moves what one node's threads use");
}

static void hints_of_memory(json_t *hints, const json_t *report)
{
    const json_t *following = json_object_get(json_object_get(report, "process"), "following");
    double alloc = locality_of(report, "alloc_locality"), pages = locality_of(report, "home_locality");
    bool measured = locality_of(report, "access_locality") >= 0;
    size_t index;
    json_t *rule;
    if (strcmp(text_of(following, "reason"), "no-sampling") == 0)
        add_hint(
            hints, "memory.next_touch", "",
            "memory stays where it was made and accesses are not measured: CAP_PERFMON (`nodewise env --systemd` says "
            "how), or sysctl kernel.perf_event_paranoid=2, or perf_event_open in the container's seccomp profile");
    const json_t *not_moved = json_object_get(following, "not_moved");
    if (number_of(not_moved, "node_full") > 0)
        add_hint(
            hints, "memory.nodes", "",
            "a node is full, so memory stays with its neighbours: give its threads several nodes, or fewer threads");
    if (number_of(not_moved, "refused") > 0)
        add_hint(hints, "memory.next_touch", "",
                 "the kernel refused to move pages: allow move_pages in the container's seccomp profile (CAP_SYS_NICE "
                 "in Docker's default one)");
    if (number_of(not_moved, "shared") > 0)
        add_hint(hints, "memory.regions", "",
                 "pages of several processes are not moved: let them be made where they are used, with a table of "
                 "kind = \"shared\"");
    hints_of_accesses(hints, report);
    if (!measured && alloc >= 0 && alloc < LOCAL_ENOUGH)
        add_hint(
            hints, "memory.arena", "",
            "much is allocated from another node: keep arena = \"node\" and see OVERFLOWS for full or refused nodes");
    if (!measured && pages >= 0 && pages < LOCAL_ENOUGH)
        add_hint(hints, "memory.migrate_on_move", "",
                 "pages are elsewhere than the homes of the threads that made them: migrate_on_move = true takes them "
                 "along when a thread moves");
    json_array_foreach(json_object_get(json_object_get(report, "arenas"), "rules"), index, rule) {
        if (number_of(rule, "overflows") > 0)
            add_hint(
                hints, "memory.policy", text_of(rule, "rule"),
                "the region could not serve some allocations: the node is full, or a limit (ulimit -v) is too low");
    }
}

/* --- the document --- */

void report_judge(json_t *report)
{
    json_t *hints = json_array();
    json_object_set_new(report, "localities", localities_of(report));
    json_object_set_new(report, "verdict", verdict_of(report));
    hints_of_threads(hints, report);
    hint_of_base(hints, report);
    hints_of_memory(hints, report);
    json_object_set_new(report, "hints", hints);
}

/* --- text --- */

/* "  home_locality    99.7 %   of the pages …", or why it is not known. */
static void print_locality(FILE *to, const json_t *report, const char *name, const char *of_what, const char *missing)
{
    double value = locality_of(report, name);
    char text[32];
    snprintf(text, sizeof(text), "%.1f %%", value * 100);
    if (value >= 0)
        fprintf(to, "  %-16s %-8s %s\n", name, text, of_what);
    else
        fprintf(to, "  %-16s not measured: %s\n", name, missing);
}

static void print_localities(FILE *to, const json_t *report)
{
    char accesses[320], balance[128];
    accesses_note(json_object_get(report, "accesses"), accesses, sizeof(accesses));
    balance_note(json_object_get(report, "accesses"), balance, sizeof(balance));
    print_locality(to, report, "alloc_locality", "of allocations served from the allocating CPU's node",
                   "no arena has served an allocation");
    print_locality(to, report, "home_locality", "of pages on the home of the thread that made them",
                   "--pages, or [report] pages, looks");
    print_locality(to, report, "access_locality", accesses, accesses);
    if (*balance)
        print_locality(to, report, "balance", balance, "");
}

void report_verdict_text(FILE *to, const json_t *report)
{
    size_t index;
    json_t *hint;
    if (!*verdict_word(report))
        return;
    fprintf(to, "\nverdict: %s: %s\n", verdict_word(report), verdict_text(report));
    print_localities(to, report);
    json_array_foreach(json_object_get(report, "hints"), index, hint)
        fprintf(to, "hint: %s%s%s: %s\n", text_of(hint, "rule"), *text_of(hint, "rule") ? "." : "",
                text_of(hint, "key"), text_of(hint, "text"));
}
