#include "tools/prepare/cpu_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/cpu_count.h"
#include "tools/common/read_file.h"
#include "tools/prepare/plan_file.h"

static int number_of_cpus(const struct plan_view *plan, uint32_t *ret_number)
{
    size_t size = PLAN_MAX_CPUS / 8;
    uint64_t *base = calloc(1, size);
    if (!base)
        return -ENOMEM;
    long bytes = syscall(SYS_sched_getaffinity, 0, size, base);
    int error = bytes < 0 ? -errno : 0;
    if (error == 0)
        *ret_number = cpu_count_number(plan, base, (size_t)bytes / 8, cgroup_cpus(read_start));
    free(base);
    return error;
}

static int set_variables(const struct policy *policy, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", number);
    for (size_t i = 0; i < policy->cpu_count.export.count; i++)
        if (setenv(policy->cpu_count.export.items[i].value, text, 0) != 0)
            return -errno;
    return 0;
}

int cpu_export(const struct policy *policy, const char *plan_path)
{
    struct file_bytes file;
    struct plan_view plan;
    uint32_t number = 0;
    if (policy->cpu_count.export.count == 0)
        return 0;
    int error = plan_file_load(&file, plan_path);
    if (error < 0)
        return error;
    error = plan_check(&plan, file.data, file.size, NULL);
    if (error == 0)
        error = number_of_cpus(&plan, &number);
    free(file.data);
    return error < 0 ? error : set_variables(policy, number);
}
