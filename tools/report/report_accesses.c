#include "tools/report/report_accesses.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reason.h"
#include "tools/common/json_fields.h"
#include "tools/report/interval.h"

#define PARANOID "/proc/sys/kernel/perf_event_paranoid"

/* --- why nothing was measured --- */

static void say_refused(char *ret_text, size_t size)
{
    char level[32] = "";
    FILE *file = fopen(PARANOID, "re");
    if (file && fgets(level, sizeof(level), file))
        level[strcspn(level, "\n")] = '\0';
    if (file)
        fclose(file);
    snprintf(ret_text, size,
             "the kernel refuses perf_event_open (kernel.perf_event_paranoid = %s): CAP_PERFMON allows it, or 2 in "
             "kernel.perf_event_paranoid, or in a container its seccomp profile",
             *level ? level : "?");
}

static bool has_one_node(const struct snapshot *snapshot)
{
    return snapshot->has_plan && snapshot->plan.count[PLAN_NODES] == 1;
}

static void say_why_not(const struct snapshot *snapshot, char *ret_text, size_t size)
{
    const struct segment_header *header = &snapshot->header;
    const char *text = "the program was too short to be sampled";
    if (has_one_node(snapshot))
        text = "the machine has one node: every access is local";
    else if (header->follow_reason == REASON_NO_SAMPLING)
        text = NULL;
    else if (snapshot->has_plan && !(snapshot->plan.header->features & PLAN_HAS_NEXT_TOUCH))
        text = "memory.next_touch = false: nothing is sampled";
    else if (header->threads_started < 2)
        text = "a program with one thread is sampled only where a report was asked for at its start";
    else if (snapshot->seen.unknown > 0)
        text = "the kernel did not say where the pages are";
    else if (snapshot->alive)
        text = "nothing has been sampled yet";
    if (text)
        snprintf(ret_text, size, "%s", text);
    else
        say_refused(ret_text, size);
}

/* --- the document --- */

/* The library writes these sums one after the other, and any process may write others. */
static bool is_measured(const struct segment_seen *seen)
{
    return seen->samples > 0 && seen->weight > 0 && seen->weight_local <= seen->weight;
}

static struct interval interval_of(const struct segment_seen *seen)
{
    const struct window_sums sums = {(double)seen->windows, (double)seen->weight, (double)seen->weight_local,
                                     (double)seen->xx,      (double)seen->xy,     (double)seen->yy};
    return interval_of_windows(&sums, (double)seen->samples);
}

static double served_in_all(const struct segment_seen *seen)
{
    double sum = 0;
    for (unsigned i = 0; i < SEGMENT_SEEN_NODES; i++)
        sum += (double)seen->served[i];
    return sum;
}

static void add_nodes(json_t *accesses, const struct segment_seen *seen)
{
    json_t *nodes = json_object();
    double all = served_in_all(seen);
    unsigned busiest = 0;
    for (unsigned i = 0; all > 0 && i < SEGMENT_SEEN_NODES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", i);
        if (seen->served[i])
            json_object_set_new(nodes, name, json_real((double)seen->served[i] / all));
        if (seen->served[i] > seen->served[busiest])
            busiest = i;
    }
    json_object_set_new(accesses, "balance", all > 0 ? json_real((double)seen->served[busiest] / all) : json_null());
    json_object_set_new(accesses, "busiest", all > 0 ? json_integer(busiest) : json_null());
    json_object_set_new(accesses, "nodes", nodes);
}

static void add_nothing(json_t *accesses, const struct snapshot *snapshot)
{
    char reason[256];
    say_why_not(snapshot, reason, sizeof(reason));
    json_object_set_new(accesses, "access_locality", has_one_node(snapshot) ? json_real(1) : json_null());
    json_object_set_new(accesses, "low", json_null());
    json_object_set_new(accesses, "high", json_null());
    json_object_set_new(accesses, "balance", json_null());
    json_object_set_new(accesses, "busiest", json_null());
    json_object_set_new(accesses, "nodes", json_object());
    json_object_set_new(accesses, "reason", json_string(reason));
}

json_t *report_accesses(const struct snapshot *snapshot)
{
    const struct segment_seen *seen = &snapshot->seen;
    json_t *accesses =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:f}", "samples", (json_int_t)seen->samples, "local",
                  (json_int_t)seen->local, "remote", (json_int_t)seen->remote, "unknown", (json_int_t)seen->unknown,
                  "windows", (json_int_t)seen->windows, "sampled_ms", (double)seen->sampled_ns / 1e6);
    if (!is_measured(seen)) {
        add_nothing(accesses, snapshot);
        return accesses;
    }
    struct interval interval = interval_of(seen);
    json_object_set_new(accesses, "access_locality", json_real((double)seen->weight_local / (double)seen->weight));
    json_object_set_new(accesses, "low", json_real(interval.low));
    json_object_set_new(accesses, "high", json_real(interval.high));
    add_nodes(accesses, seen);
    json_object_set_new(accesses, "reason", json_string(""));
    return accesses;
}

/* --- text --- */

void accesses_note(const json_t *accesses, char *ret_text, size_t size)
{
    const json_t *low = json_object_get(accesses, "low"), *high = json_object_get(accesses, "high");
    const char *reason = text_of(accesses, "reason");
    long long unknown = number_of(accesses, "unknown");
    int length = 0;
    if (json_is_number(low) && json_is_number(high))
        length =
            snprintf(ret_text, size, "found their page on their thread's node, of %lld samples; 95 %%: %.1f to %.1f %%",
                     number_of(accesses, "samples"), json_number_value(low) * 100, json_number_value(high) * 100);
    else
        snprintf(ret_text, size, "%s", *reason ? reason : "nothing was sampled");
    if (length > 0 && (size_t)length < size && unknown > 0)
        snprintf(ret_text + length, size - (size_t)length, "; %lld accesses to pages that the kernel did not place",
                 unknown);
}

void balance_note(const json_t *accesses, char *ret_text, size_t size)
{
    *ret_text = '\0';
    if (json_is_integer(json_object_get(accesses, "busiest")))
        snprintf(ret_text, size, "of the sampled accesses are served by node %lld", number_of(accesses, "busiest"));
}

void report_accesses_text(FILE *to, const json_t *report)
{
    const json_t *accesses = json_object_get(report, "accesses");
    double share = locality_of(report, "access_locality"), busiest = locality_of(report, "balance");
    char note[320];
    if (share < 0 || number_of(accesses, "samples") == 0)
        return;
    accesses_note(accesses, note, sizeof(note));
    fprintf(to, "access_locality: %.1f %% of accesses %s\n", share * 100, note);
    balance_note(accesses, note, sizeof(note));
    if (busiest >= 0)
        fprintf(to, "balance: %.1f %% %s\n", busiest * 100, note);
}
