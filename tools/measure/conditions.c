#include <stdarg.h>
#include <string.h>

#include "tools/common/json_fields.h"
#include "tools/measure/views.h"

#define PAIRS_NAMED  6u
#define REASONS_MOST 32u
#define LINE_SIZE    512u

struct lines {
    void (*line)(void *context, const char *text);
    void *context;
};

__attribute__((format(printf, 2, 3))) static void say(const struct lines *lines, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    lines->line(lines->context, text);
}

static double mib(const json_t *object, const char *key)
{
    return (double)number_of(object, key) / (1 << 20);
}

/* --- memory --- */

static void say_pages(const struct lines *lines, const json_t *nodes)
{
    double bytes = 0, huge = 0;
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        bytes += mib(node, "buffer_bytes");
        huge += mib(node, "huge_bytes");
    }
    if (bytes > 0 && huge >= bytes)
        say(lines, "pages: huge ones, so that walks of page tables take next to no part");
    else if (huge > 0)
        say(lines, "pages: %.0f %% in huge ones; walks of page tables are in the numbers of the rest",
            100 * huge / bytes);
    else
        say(lines, "pages: small ones, as the kernel gives no huge ones: walks of page tables are in the numbers");
}

/* Of the node that has most. */
static double caches(const json_t *nodes)
{
    const json_t *node;
    size_t i;
    double most = 0;
    json_array_foreach(nodes, i, node)
        most = mib(node, "cache_bytes") > most ? mib(node, "cache_bytes") : most;
    return most;
}

static void say_memory(const struct lines *lines, const json_t *document)
{
    double wanted = mib(document, "wanted_buffer_bytes");
    const json_t *nodes = json_object_get(document, "nodes"), *node;
    double cache = caches(nodes);
    size_t i;
    if (cache <= 0)
        say(lines, "memory: %.0f MiB a node; its caches are not known, and latencies may be those of a cache", wanted);
    else if (wanted >= 4 * cache)
        say(lines, "memory: %.0f MiB a node, four times its last-level caches (%.0f MiB) or more", wanted, cache);
    else
        say(lines, "memory: %.0f MiB a node, less than four times its last-level caches (%.0f MiB): these take part",
            wanted, cache);
    json_array_foreach(nodes, i, node)
        if (!*text_of(node, "no_memory") && mib(node, "buffer_bytes") < wanted)
            say(lines, "memory of node %lld: %.0f MiB, a quarter of what is free: caches may take part",
                number_of(node, "id"), mib(node, "buffer_bytes"));
    say_pages(lines, nodes);
}

/* --- what is missing --- */

static void say_nodes(const struct lines *lines, const json_t *nodes)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        const char *no_cpus = text_of(node, "no_cpus"), *no_memory = text_of(node, "no_memory");
        if (*no_cpus && *no_memory)
            say(lines, "node %lld %s and %s: not measured", number_of(node, "id"), no_cpus, no_memory);
        else if (*no_cpus)
            say(lines, "node %lld %s: measured as memory alone", number_of(node, "id"), no_cpus);
        else if (*no_memory)
            say(lines, "node %lld %s: measured as CPUs alone", number_of(node, "id"), no_memory);
    }
}

/* Do its nodes say it already? */
static bool is_told(const json_t *nodes, const char *reason)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
        if (strcmp(text_of(node, "no_cpus"), reason) == 0 || strcmp(text_of(node, "no_memory"), reason) == 0)
            return true;
    return false;
}

static void say_reason(const struct lines *lines, const json_t *pairs, const char *what, const char *reason)
{
    char named[LINE_SIZE / 2] = "";
    size_t i, count = 0, at = 0;
    const json_t *pair;
    json_array_foreach(pairs, i, pair) {
        if (strcmp(text_of(pair, "reason"), reason) != 0)
            continue;
        if (count++ < PAIRS_NAMED)
            at += (size_t)snprintf(named + at, sizeof(named) - at, "%s%lld->%lld", at ? ", " : "",
                                   number_of(pair, "from"), number_of(pair, "to"));
    }
    say(lines, "%s not measured: %s%s (pairs: %zu): %s", what, named, count > PAIRS_NAMED ? ", …" : "", count, reason);
}

static bool was_before(const char *const *reasons, size_t count, const char *reason)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(reasons[i], reason) == 0)
            return true;
    return false;
}

/* A reason of many pairs is said once. */
static void say_pairs(const struct lines *lines, const json_t *document, const char *what)
{
    const json_t *pairs = json_object_get(json_object_get(document, what), "pairs"), *pair;
    const char *reasons[REASONS_MOST];
    size_t i, count = 0;
    json_array_foreach(pairs, i, pair) {
        const char *reason = text_of(pair, "reason");
        if (!*reason || was_before(reasons, count, reason) || count == REASONS_MOST)
            continue;
        reasons[count++] = reason;
        if (!is_told(json_object_get(document, "nodes"), reason))
            say_reason(lines, pairs, what, reason);
    }
}

/* --- all --- */

static size_t rounds_of(const json_t *document, const char *what)
{
    const json_t *pair;
    size_t i, most = 0;
    json_array_foreach(json_object_get(json_object_get(document, what), "pairs"), i, pair) {
        size_t count = json_array_size(json_object_get(pair, "samples"));
        most = count > most ? count : most;
    }
    return most;
}

void measure_conditions(const json_t *document, void (*line)(void *context, const char *text), void *context)
{
    const struct lines lines = {line, context};
    size_t latencies = rounds_of(document, "latency"), bandwidths = rounds_of(document, "bandwidth");
    if (latencies || bandwidths)
        say(&lines, "values: medians of %zu and %zu rounds, ± half of what is between the quartiles", latencies,
            bandwidths);
    say_memory(&lines, document);
    say_nodes(&lines, json_object_get(document, "nodes"));
    say_pairs(&lines, document, "latency");
    say_pairs(&lines, document, "bandwidth");
    say(&lines, "measured %s in %.1f s, of %.10g s at most", text_of(document, "measured"),
        json_number_value(json_object_get(document, "seconds")),
        json_number_value(json_object_get(document, "budget_seconds")));
    if (*text_of(document, "saved"))
        say(&lines, "saved: %s", text_of(document, "saved"));
}
