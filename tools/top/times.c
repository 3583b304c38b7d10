#include "tools/top/times.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/cpuset.h"
#include "tools/common/read_file.h"

#define CPUS_MOST 4096u

/* Threads by number, in an open table that is twice as large as what it holds. */
struct entry {
    pid_t tid;
    uint64_t ran; /* ns */
};

struct table {
    struct entry *entries;
    size_t size, count; /* size: a power of two, or 0 */
};

struct look {
    struct table threads;
    uint64_t at;                              /* ns */
    uint64_t busy[CPUS_MOST], all[CPUS_MOST]; /* ticks */
};

struct times {
    struct look now, before;
};

static uint64_t clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* --- the table --- */

static struct entry *place_of(const struct table *table, pid_t tid)
{
    size_t at = (uint32_t)tid * 2654435761u & (table->size - 1);
    while (table->entries[at].tid && table->entries[at].tid != tid)
        at = (at + 1) & (table->size - 1);
    return &table->entries[at];
}

static int grow(struct table *table)
{
    struct table larger = {.size = table->size ? table->size * 2 : 256, .count = table->count};
    larger.entries = calloc(larger.size, sizeof(*larger.entries));
    if (!larger.entries)
        return -ENOMEM;
    for (size_t i = 0; i < table->size; i++)
        if (table->entries[i].tid)
            *place_of(&larger, table->entries[i].tid) = table->entries[i];
    free(table->entries);
    *table = larger;
    return 0;
}

static const struct entry *find(const struct table *table, pid_t tid)
{
    const struct entry *entry = table->size ? place_of(table, tid) : NULL;
    return entry && entry->tid ? entry : NULL;
}

/* --- /proc --- */

static void read_cpus(struct look *look, FILE *stat)
{
    char line[512];
    while (fgets(line, sizeof(line), stat)) {
        uint64_t t[8] = {0};
        unsigned cpu;
        if (sscanf(line,
                   "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                   &cpu, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 5 ||
            cpu >= CPUS_MOST)
            continue;
        for (size_t i = 0; i < 8; i++)
            look->all[cpu] += t[i];
        look->busy[cpu] = look->all[cpu] - t[3] - t[4]; /* but for idle and iowait */
    }
}

void times_thread(struct times *times, pid_t pid, pid_t tid)
{
    char path[64];
    uint64_t ran;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fscanf(file, "%" SCNu64, &ran) == 1)
        times_ran(times, tid, ran);
    fclose(file);
}

/* --- looks --- */

struct times *times_new(void)
{
    return calloc(1, sizeof(struct times));
}

void times_free(struct times *times)
{
    if (!times)
        return;
    free(times->now.threads.entries);
    free(times->before.threads.entries);
    free(times);
}

void times_look(struct times *times, uint64_t at, FILE *stat)
{
    free(times->before.threads.entries);
    times->before = times->now;
    memset(&times->now, 0, sizeof(times->now));
    times->now.at = at;
    if (stat)
        read_cpus(&times->now, stat);
}

void times_begin(struct times *times)
{
    FILE *stat = fopen("/proc/stat", "re");
    times_look(times, clock_ns(), stat);
    if (stat)
        fclose(stat);
}

void times_ran(struct times *times, pid_t tid, uint64_t ran)
{
    struct table *table = &times->now.threads;
    if (2 * table->count >= table->size && grow(table) < 0)
        return;
    struct entry *entry = place_of(table, tid);
    table->count += entry->tid == 0;
    *entry = (struct entry){tid, ran};
}

double times_share(const struct times *times, pid_t tid)
{
    const struct entry *now = find(&times->now.threads, tid), *before = find(&times->before.threads, tid);
    if (!now || !before || now->ran < before->ran || times->now.at <= times->before.at)
        return -1;
    return (double)(now->ran - before->ran) / (double)(times->now.at - times->before.at);
}

double times_cpus(const struct times *times, const struct cpuset *cpus)
{
    uint64_t busy = 0, all = 0;
    CPUSET_FOREACH(id, cpus)
        if ((unsigned)id < CPUS_MOST && times->before.all[id] && times->now.all[id] > times->before.all[id]) {
            busy += times->now.busy[id] - times->before.busy[id];
            all += times->now.all[id] - times->before.all[id];
        }
    return all ? (double)busy / (double)all : -1;
}

double times_node(const struct times *times, uint32_t node, unsigned *ret_cpus)
{
    char path[64], text[4096];
    struct cpuset cpus = CPUSET_EMPTY;
    snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node);
    read_line(path, text, sizeof(text));
    if (cpuset_parse_list(&cpus, text, NULL) < 0)
        cpus = CPUSET_EMPTY;
    *ret_cpus = cpuset_weight(&cpus);
    double share = times_cpus(times, &cpus);
    cpuset_free(&cpus);
    return share;
}
