#include <stdio.h>
#include <stdlib.h>

#include "policy/compile.h"
#include "policy/rule_threads.h"

/* [defaults] has no place of its own in the file. */
static struct span span_of(const struct policy *policy, uint32_t rule)
{
    return rule < policy->rule_count ? policy->rules[rule].span : (struct span){0};
}

struct load {
    size_t threads, crowded, shared;
};

static struct load *count_loads(const struct plan_view *plan, const struct sim_thread *threads, size_t count)
{
    struct load *loads = calloc(plan->count[PLAN_RULES] + 1, sizeof(*loads));
    for (size_t i = 0; loads && i < count; i++) {
        if (threads[i].rule >= plan->count[PLAN_RULES] || threads[i].main_union)
            continue;
        struct load *load = &loads[threads[i].rule];
        load->threads++;
        load->crowded += threads[i].reason == REASON_OVERSUBSCRIBED || threads[i].reason == REASON_NO_FREE_SLOT;
        load->shared += threads[i].reason == REASON_SHARED_CPU;
    }
    return loads;
}

void plan_lint_threads(const struct plan_view *plan, const struct policy *policy, const struct sim_thread *threads,
                       size_t count, struct diag_list *diags)
{
    struct load *loads = count_loads(plan, threads, count);
    for (uint32_t i = 0; loads && i < plan->count[PLAN_RULES]; i++) {
        const struct plan_rule *rule = &plan->rules[i];
        const char *name = plan_text(plan, rule->name);
        uint32_t cpus = plan->masks[rule->set_mask].weight;
        if (loads[i].crowded)
            diag_add(diags, DIAG_W026, span_of(policy, i), NULL,
                     "widen nodes or cpus, start fewer threads, or split the rule",
                     "rule \"%s\" gets %zu threads, and its places have room for %zu on %u CPUs", name,
                     loads[i].threads, loads[i].threads - loads[i].crowded, cpus);
        if (loads[i].shared)
            diag_add(diags, DIAG_W027, span_of(policy, i), NULL, "give the rules different CPUs, or drop `exclusive`",
                     "%zu of %zu threads of rule \"%s\" share CPUs that exclusive threads have taken", loads[i].shared,
                     loads[i].threads, name);
    }
    free(loads);
}

static int lint_count(const struct plan_view *plan, const struct policy *policy, uint32_t rule, struct diag_list *diags)
{
    const struct thread_count *threads = &policy->rules[rule].threads;
    struct cpuset cpus = CPUSET_EMPTY;
    int error = rule_cpus(&cpus, plan, rule);
    unsigned weight = cpuset_weight(&cpus);
    cpuset_free(&cpus);
    char help[80];
    snprintf(help, sizeof(help), "\"at_most:%u\" makes no more than its CPUs; or widen nodes or cpus", threads->number);
    if (error == 0 && threads->number > weight)
        diag_add(diags, DIAG_W028, threads->span, NULL, help, "%u threads of \"%s\" are more than its %u CPUs",
                 threads->number, policy->rules[rule].name, weight);
    return error;
}

static void lint_report(const struct plan_view *plan, const struct policy *policy, struct diag_list *diags)
{
    const struct cpu_number *told = &policy->cpu_count.number;
    uint32_t cpus = plan->masks[plan->header->main_mask].weight;
    if (policy->cpu_count.report == CPUS_NUMBER && told->number > cpus)
        diag_add(diags, DIAG_E085, told->span, NULL,
                 "report = \"plan\" tells the CPUs of the policy, whatever machine it is",
                 "%u CPUs cannot be told where the policy has %u", told->number, cpus);
}

int plan_lint_counts(const struct plan_view *plan, const struct policy *policy, struct diag_list *diags)
{
    int error = 0;
    lint_report(plan, policy, diags);
    for (uint32_t i = 0; i < policy->rule_count && error == 0; i++)
        if (policy->rules[i].threads.size == POOL_EXACTLY)
            error = lint_count(plan, policy, i, diags);
    return error;
}
