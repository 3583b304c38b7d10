#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/report/report_load.h"
#include "tools/report/report_measures.h"
#include "tools/verbs/verbs.h"

const char diff_help[] =
    "  A, B                JSON reports, or process ids: before and after\n"
    "  --fail-on NAME:CHANGE  end with 1 when NAME changed by more than CHANGE; may be repeated.\n"
    "                      -2% is two points of a ratio, or a fiftieth of a count, less than before;\n"
    "                      +10% as much more\n" HELP_JSON;

#define LIMITS_MOST 32u

struct limit {
    char name[32];
    double percent; /* below 0: may not fall by more; above: may not rise by more */
};

struct request {
    struct limit limits[LIMITS_MOST];
    size_t limit_count;
    bool json;
};

/* "alloc_locality:-2%". */
static bool take_limit(struct request *request, const char *text)
{
    const char *colon = strchr(text, ':');
    char *end;
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof(request->limits[0].name) ||
        (colon[1] != '-' && colon[1] != '+') || request->limit_count == LIMITS_MOST)
        return false;
    struct limit *limit = &request->limits[request->limit_count];
    limit->percent = strtod(colon + 1, &end);
    if (end == colon + 1 || (*end && strcmp(end, "%") != 0) || !isfinite(limit->percent))
        return false;
    if (limit->percent == 0) /* "-0%": not at all */
        limit->percent = colon[1] == '-' ? -1e-9 : 1e-9;
    snprintf(limit->name, sizeof(limit->name), "%.*s", (int)(colon - text), text);
    request->limit_count++;
    return true;
}

static const struct measure *measure_of(const struct measure *measures, const char *name)
{
    for (size_t i = 0; i < MEASURES; i++)
        if (strcmp(measures[i].name, name) == 0)
            return &measures[i];
    return NULL;
}

/* In percent: points of a ratio, of the first value for a count. */
static double change_of(const struct measure *a, const struct measure *b)
{
    if (a->is_ratio)
        return (b->value - a->value) * 100;
    return a->value == b->value ? 0 : a->value == 0 ? INFINITY : (b->value - a->value) / a->value * 100;
}

/* A measure that was known before and no longer is counts as worse than any change. */
static bool passes(const struct limit *limit, const struct measure *a, const struct measure *b)
{
    if (!a->known)
        return true;
    if (!b->known)
        return false;
    double change = change_of(a, b);
    return limit->percent < 0 ? change >= limit->percent : change <= limit->percent;
}

static bool check_limits(const struct request *request, const struct measure *a, const struct measure *b)
{
    bool good = true;
    for (size_t i = 0; i < request->limit_count; i++) {
        const struct limit *limit = &request->limits[i];
        const struct measure *before = measure_of(a, limit->name), *after = measure_of(b, limit->name);
        if (passes(limit, before, after))
            continue;
        if (after->known)
            print_error("%s changed by %+.1f %%, allowed are %+.1f %%", limit->name, change_of(before, after),
                        limit->percent);
        else
            print_error("%s is no longer known", limit->name);
        good = false;
    }
    return good;
}

static void value_text(const struct measure *measure, char *ret_text, size_t size)
{
    if (!measure->known)
        snprintf(ret_text, size, "-");
    else if (measure->is_ratio)
        snprintf(ret_text, size, "%.1f %%", measure->value * 100);
    else
        snprintf(ret_text, size, "%.0f", measure->value);
}

static void print_measures(const struct measure *a, const struct measure *b)
{
    static const char *const headings[] = {"MEASURE", "A", "B", "CHANGE"};
    struct table *table = table_new(headings, 4);
    for (size_t i = 0; i < MEASURES; i++) {
        char before[32], after[32], change[32] = "";
        value_text(&a[i], before, sizeof(before));
        value_text(&b[i], after, sizeof(after));
        if (a[i].known && b[i].known && isfinite(change_of(&a[i], &b[i])))
            snprintf(change, sizeof(change), "%+.1f %s", change_of(&a[i], &b[i]), a[i].is_ratio ? "points" : "%");
        const char *const cells[] = {a[i].name, before, after, change};
        table_row(table, cells);
    }
    table_print(stdout, table);
}

/* Rules of either run, with what their threads got. */
static const json_t *rule_named(const json_t *report, const char *name)
{
    size_t index;
    json_t *rule;
    json_array_foreach(json_object_get(report, "rules"), index, rule) {
        if (strcmp(text_of(rule, "name"), name) == 0)
            return rule;
    }
    return NULL;
}

static void print_rule(struct table *table, const char *name, const json_t *a, const json_t *b)
{
    char placed[64], full[64];
    snprintf(placed, sizeof(placed), "%lld -> %lld", number_of(a, "placed"), number_of(b, "placed"));
    snprintf(full, sizeof(full), "%lld -> %lld", number_of(json_object_get(a, "steps"), "full"),
             number_of(json_object_get(b, "steps"), "full"));
    const char *note = !a                                               ? "only in B"
                       : !b                                             ? "only in A"
                       : strcmp(text_of(a, "cpus"), text_of(b, "cpus")) ? "other CPUs"
                                                                        : "";
    const char *const cells[] = {name, placed, full, a ? text_of(a, "cpus") : "-", b ? text_of(b, "cpus") : "-", note};
    table_row(table, cells);
}

static void print_rules(const json_t *a, const json_t *b)
{
    static const char *const headings[] = {"RULE", "PLACED", "AS-ASKED", "CPUS-A", "CPUS-B", "NOTE"};
    struct table *table = table_new(headings, 6);
    size_t index;
    json_t *rule;
    json_array_foreach(json_object_get(a, "rules"), index, rule)
        print_rule(table, text_of(rule, "name"), rule, rule_named(b, text_of(rule, "name")));
    json_array_foreach(json_object_get(b, "rules"), index, rule) {
        if (!rule_named(a, text_of(rule, "name")))
            print_rule(table, text_of(rule, "name"), NULL, rule);
    }
    putchar('\n');
    table_print(stdout, table);
}

static json_t *measure_json(const struct measure *measure)
{
    return measure->known ? json_real(measure->value) : json_null();
}

static int print_document(const struct measure *a, const struct measure *b, bool passed)
{
    json_t *measures = json_object();
    for (size_t i = 0; i < MEASURES; i++)
        json_object_set_new(measures, a[i].name,
                            json_pack("{s:o, s:o}", "a", measure_json(&a[i]), "b", measure_json(&b[i])));
    return print_json(stdout, json_pack("{s:i, s:o, s:b}", "nodewise_diff", 1, "measures", measures, "passed", passed));
}

static int compare(const struct request *request, const json_t *a, const json_t *b)
{
    struct measure before[MEASURES], after[MEASURES];
    report_measure(a, before);
    report_measure(b, after);
    for (size_t i = 0; i < request->limit_count; i++)
        if (!measure_of(before, request->limits[i].name))
            return usage_error("diff", "\"%s\" is not a measure; without --fail-on all are shown",
                               request->limits[i].name);
    bool passed = check_limits(request, before, after);
    if (request->json) {
        print_document(before, after, passed);
    } else {
        print_measures(before, after);
        print_rules(a, b);
    }
    return finish_output(passed ? EXIT_OK : EXIT_NO);
}

int cmd_diff(int argc, char **argv)
{
    static const struct option long_options[] = {OPTIONS_JSON, {"fail-on", required_argument, NULL, OPTION_VERB}, {0}};
    struct policy_options unused = {0};
    struct request request = {0};
    json_t *a = NULL, *b = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == OPTION_VERB && !take_limit(&request, optarg))
            return usage_error("diff", "\"%s\" is not NAME:CHANGE such as alloc_locality:-2%%", optarg);
        if (option != OPTION_VERB && !take_policy_option(&unused, option, &request.json))
            return option_error("diff", argv, long_options);
    }
    if (optind + 2 != argc)
        return usage_error("diff", "give two reports or processes");
    int status = report_load("diff", argv[optind], &a);
    if (status == EXIT_OK)
        status = report_load("diff", argv[optind + 1], &b);
    if (status == EXIT_OK)
        status = compare(&request, a, b);
    json_decref(a);
    json_decref(b);
    return status;
}
