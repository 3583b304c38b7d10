#include "policy/rule_threads.h"

#include "policy/compile.h"

int rule_cpus(struct cpuset *ret_cpus, const struct plan_view *plan, uint32_t rule)
{
    const struct plan_rule *record = &plan->rules[rule];
    struct cpuset cpus = CPUSET_EMPTY;
    int error = 0;
    for (uint32_t i = 0; i < record->slot_count && error == 0; i++) {
        struct cpuset slot = CPUSET_EMPTY;
        error = plan_mask_cpuset(plan, plan->slots[record->slot_first + i].mask, &slot);
        if (error == 0)
            error = cpuset_or(&cpus, &slot);
        cpuset_free(&slot);
    }
    if (error < 0)
        cpuset_free(&cpus);
    else
        *ret_cpus = cpus;
    return error;
}

/* As pool_workers_make(): a worker for each core, or for each CPU with smt = "allow". */
static int count_cores(uint32_t *ret_number, const struct plan_view *plan, const struct cpuset *cpus)
{
    struct cpuset cores = CPUSET_EMPTY;
    int error = 0;
    CPUSET_FOREACH(id, cpus)
        if (error == 0)
            error = cpuset_add(&cores, plan->cpus[id].core);
    if (error == 0)
        *ret_number = cpuset_weight(&cores);
    cpuset_free(&cores);
    return error;
}

static int count_places(uint32_t *ret_number, const struct plan_view *plan, const struct policy *policy, uint32_t rule,
                        const struct cpuset *base)
{
    bool by_core = rule < policy->pool_count + policy->exchange_count && plan->rules[rule].smt != SMT_ALLOW;
    struct cpuset cpus = CPUSET_EMPTY;
    int error = rule_cpus(&cpus, plan, rule);
    cpuset_and(&cpus, base);
    if (error == 0 && by_core)
        error = count_cores(ret_number, plan, &cpus);
    else if (error == 0)
        *ret_number = cpuset_weight(&cpus);
    cpuset_free(&cpus);
    return error;
}

int rule_threads(uint32_t *ret_number, const struct plan_view *plan, const struct policy *policy, uint32_t rule,
                 const struct cpuset *base, uint32_t quota)
{
    const struct thread_count *asked = &policy->rules[rule].threads;
    uint32_t number = 0;
    if (asked->size == POOL_EXACTLY) {
        *ret_number = asked->number;
        return 0;
    }
    int error = count_places(&number, plan, policy, rule, base);
    if (error < 0)
        return error;
    if (quota && quota < number)
        number = quota;
    if (asked->size == POOL_AT_MOST && asked->number < number)
        number = asked->number;
    *ret_number = number ? number : 1; /* the affinity was narrowed since the plan was made */
    return 0;
}
