/*
 * cpu_count: the number of CPUs as reported by sysconf, get_nprocs and get_nprocs_conf (sched_getaffinity is in
 * affinity.c, the kernel's list of CPUs in files.c).
 */
#include <sys/sysinfo.h>
#include <unistd.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/place/cpu_count.h"

PUBLIC long sysconf(int name)
{
    next_sysconf *next = NEXT_OR_BIND(sysconf);

    if (UNLIKELY(name == _SC_NPROCESSORS_ONLN) && cpu_count_is_told(CPU_API_SYSCONF))
        return cpu_count_online();
    if (UNLIKELY(name == _SC_NPROCESSORS_CONF) && cpu_count_is_told(CPU_API_SYSCONF))
        return cpu_count_configured();
    long said = next(name);
    return UNLIKELY(name == _SC_NPROCESSORS_ONLN) ? cpu_count_at_least(CPU_API_SYSCONF, said) : said;
}

PUBLIC int get_nprocs(void)
{
    next_get_nprocs *next = NEXT_OR_BIND(get_nprocs);

    if (cpu_count_is_told(CPU_API_GET_NPROCS))
        return (int)cpu_count_online();
    return (int)cpu_count_at_least(CPU_API_GET_NPROCS, next());
}

PUBLIC int get_nprocs_conf(void)
{
    next_get_nprocs_conf *next = NEXT_OR_BIND(get_nprocs_conf);

    return cpu_count_is_told(CPU_API_GET_NPROCS) ? (int)cpu_count_configured() : next();
}
