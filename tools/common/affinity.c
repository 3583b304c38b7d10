#include "tools/common/affinity.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORDS ((CPUSET_MAX_ID + 1) / CPUSET_WORD_BITS)

int affinity_get(pid_t tid, struct cpuset *ret_cpus)
{
    uint64_t bits[WORDS];
    long bytes = syscall(SYS_sched_getaffinity, tid, sizeof(bits), bits); /* it writes as many as it has */
    if (bytes < 0)
        return -errno;
    const struct cpuset cpus = {bits, (size_t)bytes / sizeof(*bits)};
    return cpuset_copy(ret_cpus, &cpus);
}

int affinity_set(pid_t tid, const struct cpuset *cpus)
{
    if (syscall(SYS_sched_setaffinity, tid, cpus->count * sizeof(*cpus->words), cpus->words) != 0)
        return -errno;
    return 0;
}
