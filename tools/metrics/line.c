#include "tools/metrics/line.h"

#include <inttypes.h>
#include <string.h>

#include "config/printable.h"

#define VALUE_MOST  256u /* bytes of a label's value that are shown: no real policy comes near these */
#define LABELS_MOST 32u  /* of a policy */

/* The format escapes a backslash, a quotation mark and a newline; all else that is not printable is spelt out. */
static void write_value(FILE *to, const char *text)
{
    char form[PRINTABLE_FORM];
    for (size_t length = strnlen(text, VALUE_MOST); length > 0;) {
        bool as_is;
        size_t bytes = printable_next(text, length, form, &as_is);
        if (*text == '\n')
            fputs("\\n", to);
        else
            fprintf(to, "%s%s", !as_is || *text == '\\' || *text == '"' ? "\\" : "", form);
        text += bytes;
        length -= bytes;
    }
}

void line_label(FILE *to, const char *name, const char *value)
{
    fprintf(to, ",%s=\"", name);
    write_value(to, value);
    fputc('"', to);
}

static bool is_own(const char *name)
{
    static const char *const own[] = {"pid",    "comm",  "rule",     "node", "step", "tid", "thread",
                                      "policy", "state", "locality", "pool", "from", "to",  "exchange"};
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (strcmp(own[i], name) == 0)
            return true;
    return false;
}

static void write_policy_labels(FILE *to, const struct snapshot *process)
{
    const struct plan_view *plan = &process->plan;
    for (uint32_t i = 0; process->has_plan && i + 1 < plan->count[PLAN_LABELS] && i < 2 * LABELS_MOST; i += 2)
        if (!is_own(plan_text(plan, plan->labels[i])))
            line_label(to, plan_text(plan, plan->labels[i]), plan_text(plan, plan->labels[i + 1]));
}

bool line_begin(const struct line *line)
{
    char comm[17];
    if (ftello(line->to) >= line->end)
        return false;
    snprintf(comm, sizeof(comm), "%.16s", line->process->header.comm);
    fprintf(line->to, "%s%s{pid=\"%u\"", line->family, line->suffix, line->process->header.pid);
    line_label(line->to, "comm", comm);
    write_policy_labels(line->to, line->process);
    return true;
}

void line_end(const struct line *line, uint64_t value)
{
    fprintf(line->to, "} %" PRIu64 "\n", value);
}

void line_end_share(const struct line *line, double share)
{
    fprintf(line->to, "} %.6f\n", share);
}

void line_simple(const struct line *line, uint64_t value)
{
    if (line_begin(line))
        line_end(line, value);
}

void line_label_rule(const struct line *line, uint32_t rule)
{
    const char *name = snapshot_rule_name(line->process, rule);
    char number[16];
    snprintf(number, sizeof(number), "%u", rule);
    line_label(line->to, "rule", name ? name : number);
}

void line_label_place(const struct line *line, const char *name, uint32_t node)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", node);
    line_label(line->to, name, node == UINT32_MAX ? "any" : number);
}

void line_label_node(const struct line *line, uint32_t node)
{
    line_label_place(line, "node", node);
}
