#include "tools/prepare/cpu_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/units.h"
#include "policy/cpu_count.h"
#include "policy/rule_threads.h"
#include "tools/common/read_file.h"
#include "tools/prepare/plan_file.h"

/* What numbers are made of. */
struct grounds {
    const struct policy *policy;
    const struct plan_view *plan;
    uint64_t mask[PLAN_MAX_CPUS / 64];
    size_t words;
    struct cpuset base; /* the same bits */
    uint32_t quota;
};

static int read_grounds(struct grounds *grounds)
{
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(grounds->mask), grounds->mask);
    if (bytes < 0)
        return -errno;
    grounds->words = (size_t)bytes / 8;
    grounds->quota = cgroup_cpus(read_start);
    int error = 0;
    for (unsigned id = 0; id < grounds->words * 64 && error == 0; id++)
        if (grounds->mask[id / 64] >> id % 64 & 1)
            error = cpuset_add(&grounds->base, id);
    return error;
}

/* The policy's rule of that name; the reader has proven that there is one. */
static uint32_t rule_named(const struct policy *policy, const char *name)
{
    uint32_t rule = 0;
    while (!same_name(policy->rules[rule].name, name))
        rule++;
    return rule;
}

static int number_of(uint32_t *ret_number, const struct grounds *grounds, const struct exported *exported)
{
    if (strcmp(exported->whose, "process") != 0)
        return rule_threads(ret_number, grounds->plan, grounds->policy,
                            rule_named(grounds->policy, exported->whose + strlen("rule:")), &grounds->base,
                            grounds->quota);
    *ret_number = cpu_count_number(grounds->plan, grounds->mask, grounds->words, grounds->quota);
    return 0;
}

int cpu_export_each(const struct policy *policy, const struct plan_view *plan, cpu_export_taker *take, void *context)
{
    struct grounds grounds = {.policy = policy, .plan = plan};
    uint32_t number;
    if (policy->cpu_count.export_count == 0)
        return 0;
    int error = read_grounds(&grounds);
    for (size_t i = 0; i < policy->cpu_count.export_count && error == 0; i++) {
        error = number_of(&number, &grounds, &policy->cpu_count.exports[i]);
        if (error == 0)
            error = take(context, policy->cpu_count.exports[i].variable, number);
    }
    cpuset_free(&grounds.base);
    return error;
}

static int set_variable(void *context, const char *variable, uint32_t number)
{
    char text[16];
    (void)context;
    snprintf(text, sizeof(text), "%u", number);
    return setenv(variable, text, 0) == 0 ? 0 : -errno;
}

int cpu_export(const struct policy *policy, const char *plan_path)
{
    struct file_bytes file;
    struct plan_view plan;
    if (policy->cpu_count.export_count == 0)
        return 0;
    int error = plan_file_load(&file, plan_path);
    if (error < 0)
        return error;
    error = plan_check(&plan, file.data, file.size, NULL);
    if (error == 0)
        error = cpu_export_each(policy, &plan, set_variable, NULL);
    free(file.data);
    return error;
}
