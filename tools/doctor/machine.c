#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/common/read_file.h"
#include "tools/doctor/doctor.h"

#define NODE_WORDS 16u

/* The first line of a file of the kernel's, "" when there is none. */
static const char *line_of(const char *path, char *ret_line, size_t size)
{
    read_line(path, ret_line, size);
    return ret_line;
}

/* Runs the trial in a child, for a filter may kill for it. Its exit status, or -1: it was killed. */
static int in_a_child(int (*trial)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(trial());
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Every CPU of the mask alone, set and read back. 0, or an errno. */
static int try_affinity(void)
{
    size_t size = 131072 / 8;
    unsigned long *all = calloc(1, size), *one = calloc(1, size), *got = calloc(1, size);
    if (!all || !one || !got)
        return ENOMEM;
    long bytes = syscall(SYS_sched_getaffinity, 0, size, all);
    if (bytes < 0)
        return errno;
    for (long id = 0; id < bytes * 8; id++) {
        if (!(all[id / 64] >> id % 64 & 1))
            continue;
        memset(one, 0, (size_t)bytes);
        one[id / 64] = 1ul << id % 64;
        if (syscall(SYS_sched_setaffinity, 0, (size_t)bytes, one) != 0 ||
            syscall(SYS_sched_getaffinity, 0, (size_t)bytes, got) < 0)
            return errno;
        if (memcmp(one, got, (size_t)bytes) != 0)
            return ERANGE;
    }
    return 0;
}

static int try_mempolicy(void)
{
    unsigned long nodes[NODE_WORDS] = {0}, got[NODE_WORDS] = {0};
    int mode = -1;
    if (syscall(SYS_get_mempolicy, NULL, nodes, NODE_WORDS * 64ul, NULL, (unsigned long)MPOL_F_MEMS_ALLOWED) != 0 ||
        syscall(SYS_set_mempolicy, MPOL_BIND, nodes, NODE_WORDS * 64ul + 1) != 0 ||
        syscall(SYS_get_mempolicy, &mode, got, NODE_WORDS * 64ul + 1, NULL, 0ul) != 0)
        return errno;
    return mode == MPOL_BIND && memcmp(nodes, got, sizeof(nodes)) == 0 ? 0 : ERANGE;
}

static int try_move_pages(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status = -1;
    if (page == MAP_FAILED)
        return errno;
    page[0] = 1;
    return syscall(SYS_move_pages, 0, 1ul, &page, NULL, &status, 0) == 0 && status >= 0 ? 0 : errno ? errno : ERANGE;
}

static int try_sampling(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
                                         .size = sizeof(attributes),
                                         .config = PERF_COUNT_SW_CPU_CLOCK,
                                         .exclude_kernel = 1,
                                         .exclude_hv = 1,
                                         .disabled = 1};
    return syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0ul) >= 0 ? 0 : errno;
}

static void add_trial(struct diagnosis *diagnosis, const char *about, int (*trial)(void), const char *works,
                      const char *remedy)
{
    int error = in_a_child(trial);
    if (error == 0)
        diagnose(diagnosis, about, HEALTH_FINE, NULL, "%s", works);
    else if (error < 0)
        diagnose(diagnosis, about, HEALTH_NO, remedy, "a seccomp filter kills the process for this call");
    else if (error == ERANGE)
        diagnose(diagnosis, about, HEALTH_LESS, remedy, "what is read back differs from what was set");
    else
        diagnose(diagnosis, about, error == EINVAL ? HEALTH_LESS : HEALTH_NO, remedy, "refused: %s", strerror(error));
}

static void look_at_huge_pages(struct diagnosis *diagnosis)
{
    char thp[128], pool[64];
    line_of("/sys/kernel/mm/transparent_hugepage/enabled", thp, sizeof(thp));
    line_of("/proc/sys/vm/nr_hugepages", pool, sizeof(pool));
    if (strstr(thp, "[never]"))
        diagnose(diagnosis, "huge pages", HEALTH_LESS, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
                 "transparent huge pages are off: huge_pages = \"thp\" has no effect");
    else
        diagnose(diagnosis, "huge pages", HEALTH_FINE, NULL, "transparent: %s; reserved pool: %s pages of 2 MiB", thp,
                 *pool ? pool : "?");
}

static void look_at_balancing(struct diagnosis *diagnosis)
{
    char balancing[32];
    line_of("/proc/sys/kernel/numa_balancing", balancing, sizeof(balancing));
    if (*balancing && strcmp(balancing, "0") != 0)
        diagnose(diagnosis, "numa_balancing", HEALTH_LESS, "sysctl kernel.numa_balancing=0",
                 "the kernel moves pages by itself (%s): memory without a policy, threads that are not pinned",
                 balancing);
    else
        diagnose(diagnosis, "numa_balancing", HEALTH_FINE, NULL, "%s", *balancing ? "off" : "not in this kernel");
}

static void look_at_isolated(struct diagnosis *diagnosis)
{
    char isolated[256];
    line_of("/sys/devices/system/cpu/isolated", isolated, sizeof(isolated));
    if (*isolated)
        diagnose(diagnosis, "isolcpus", HEALTH_LESS, "name them in `cpus` with bind_to = \"cpu\", or leave them out",
                 "CPUs %s are not balanced by the scheduler: threads of one place pile up on its first CPU", isolated);
}

static void look_at_filter(struct diagnosis *diagnosis)
{
    int mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    if (mode == 2)
        diagnose(
            diagnosis, "seccomp", HEALTH_LESS, NULL,
            "a seccomp filter is active: the library finds out at the start of each program what it refuses, and does not ask again");
}

static int compare_sched(const char *path)
{
    char line[64];
    return *line_of(path, line, sizeof(line)) && strcmp(line, "disabled") != 0;
}

void diagnose_machine(struct diagnosis *diagnosis)
{
    add_trial(diagnosis, "CPU affinity", try_affinity, "each CPU of the mask can be had alone",
              "sched_setaffinity(2) must be allowed by the container's filter");
    add_trial(diagnosis, "memory policy", try_mempolicy, "set_mempolicy(2) is set and reads back",
              "docker: --cap-add SYS_NICE, or a seccomp profile with set_mempolicy, mbind, move_pages; CPUs are placed "
              "without it");
    add_trial(diagnosis, "move_pages", try_move_pages, "a page's node can be asked",
              "docker: --cap-add SYS_NICE, or a seccomp profile with move_pages: no home_locality, nothing moves");
    add_trial(diagnosis, "sampling", try_sampling, "the process may look where its own threads work",
              "CAP_PERFMON (`nodewise env --systemd` has the line), or sysctl kernel.perf_event_paranoid=2, or in a "
              "container perf_event_open in its seccomp profile: no access_locality, memory stays where it was made");
    look_at_huge_pages(diagnosis);
    look_at_balancing(diagnosis);
    look_at_isolated(diagnosis);
    look_at_filter(diagnosis);
    if (compare_sched("/sys/kernel/sched_ext/state"))
        diagnose(diagnosis, "sched_ext", HEALTH_LESS, NULL,
                 "a BPF scheduler is loaded: it may ignore affinity masks, which CFS and EEVDF respect");
    diagnose_folders(diagnosis);
    diagnose_board(diagnosis);
}
