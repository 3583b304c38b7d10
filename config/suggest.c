#include "config/suggest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 48 }; /* longer names are not compared: no key comes near that length */

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment: Levenshtein's table with one more row for swaps. */
unsigned edit_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST)
        return LONGEST;

    unsigned rows[3][LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above_2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]) &&
                above_2[j - 2] + 1 < row[j])
                row[j] = above_2[j - 2] + 1;
        }
    }
    return rows[a_length % 3][b_length];
}

struct suggestion suggest_for(const char *wrong)
{
    return (struct suggestion){.wrong = wrong, .distance = LONGEST};
}

void suggest_offer(struct suggestion *suggestion, const char *name)
{
    unsigned distance = edit_distance(suggestion->wrong, name);
    size_t length = strlen(suggestion->wrong) < strlen(name) ? strlen(suggestion->wrong) : strlen(name);
    /* A third of the letters may be wrong; a single one always, but not the only one. */
    unsigned limit = length < 2 ? 0 : length < 6 ? 1 + (length > 3) : (unsigned)(length / 3);
    if (distance <= limit && distance < suggestion->distance) {
        suggestion->best = name;
        suggestion->distance = distance;
    }
}

struct foreign {
    const char *theirs;
    const char *ours[4];
};

/* numactl, taskset, hwloc, OpenMP, Slurm, Open MPI, systemd, Kubernetes, libvirt. */
static const struct foreign keys[] = {
    {"affinity", {"bind_to", "cpus"}},
    {"bind", {"bind_to"}},
    {"binding", {"bind_to"}},
    {"cpu_bind", {"bind_to"}},
    {"cpu", {"cpus"}},
    {"cpu_list", {"cpus"}},
    {"cpulist", {"cpus"}},
    {"cpunodebind", {"nodes"}},
    {"cpuset", {"cpus"}},
    {"cpuset_cpus", {"cpus"}},
    {"cpuset_mems", {"nodes"}},
    {"cores", {"cpus"}},
    {"physcpubind", {"cpus"}},
    {"node", {"nodes"}},
    {"numa", {"nodes"}},
    {"numa_node", {"nodes"}},
    {"numa_nodes", {"nodes"}},
    {"mem_bind", {"memory"}},
    {"membind", {"memory"}},
    {"mempolicy", {"memory"}},
    {"mem_policy", {"memory"}},
    {"numa_policy", {"memory"}},
    {"interleave", {"memory"}},
    {"place", {"level"}},
    {"places", {"level"}},
    {"proc_bind", {"distribution"}},
    {"placement", {"distribution"}},
    {"map_by", {"distribution", "level"}},
    {"rank_by", {"level"}},
    {"spread", {"distribution"}},
    {"hyperthreading", {"smt"}},
    {"threads_per_core", {"smt"}},
    {"strict", {"enforcement"}},
    {"priority", {"rules"}},
    {"include", {"extends"}},
    {"inherit", {"extends"}},
    {"version", {"schema"}},
    {"rule", {"rules"}},
    {"default", {"defaults"}},
    {"process_name", {"comm"}},
    {"command", {"argv", "comm"}},
    {"cmdline", {"argv", "process_argv"}},
    {"thread_name", {"thread"}},
    {"library", {"start_library"}},
    {"function", {"start_function"}},
    {"mode", {"policy"}},
    {"hugepages", {"huge_pages"}},
};

static const struct foreign words[] = {
    {"close", {"compact"}},
    {"pack", {"compact", "socket"}},
    {"packed", {"compact"}},
    {"block", {"compact"}},
    {"fill", {"compact"}},
    {"spread", {"scatter"}},
    {"balanced", {"scatter", "least_loaded"}},
    {"distribute", {"scatter"}},
    {"cyclic", {"round_robin"}},
    {"rr", {"round_robin"}},
    {"random", {"least_loaded"}},
    {"load", {"least_loaded"}},
    {"master", {"primary"}},
    {"main", {"primary"}},
    {"numa", {"node"}},
    {"numanode", {"node"}},
    {"numa_domain", {"node"}},
    {"numa_domains", {"node"}},
    {"domain", {"node"}},
    {"ldom", {"node"}},
    {"nodes", {"node"}},
    {"package", {"socket"}},
    {"packages", {"socket"}},
    {"die", {"socket", "l3"}},
    {"sockets", {"socket"}},
    {"llc", {"l3"}},
    {"ll_caches", {"l3"}},
    {"l3cache", {"l3"}},
    {"cache", {"l3"}},
    {"ccx", {"l3"}},
    {"l2", {"l3", "core"}},
    {"cores", {"core"}},
    {"thread", {"cpu"}},
    {"threads", {"cpu"}},
    {"hwthread", {"cpu"}},
    {"hyperthread", {"cpu"}},
    {"pu", {"cpu"}},
    {"cpus", {"cpu"}},
    {"machine", {"none"}},
    {"false", {"off", "none"}},
    {"no", {"off", "none", "never"}},
    {"yes", {"allow", "thp"}},
    {"disabled", {"off", "none"}},
    {"strict", {"hard", "bind"}},
    {"required", {"hard"}},
    {"best_effort", {"soft"}},
    {"membind", {"bind"}},
    {"prefer", {"preferred"}},
    {"localalloc", {"local"}},
    {"firsttouch", {"local"}},
    {"first_touch", {"local"}},
    {"nextto", {"local"}},
    {"weighted", {"weighted_interleave"}},
    {"always", {"thp"}},
    {"madvise", {"thp"}},
    {"2M", {"2MiB"}},
    {"2MB", {"2MiB"}},
    {"1G", {"1GiB"}},
    {"1GB", {"1GiB"}},
    {"keep", {"respect"}},
    {"all", {"inherit", "any", "full"}},
};

static const char *const *find(const struct foreign *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(list[i].theirs, name) == 0)
            return list[i].ours;
    return NULL;
}

static const struct {
    const char *table, *name, *instead;
} former_keys[] = {
    {"", "log", "for a log of why processes are governed or not, set the environment variable NODEWISE_LOG=FILE"},
    {"memory", "weights",
     "weights are the machine's: write them to /sys/kernel/mm/mempolicy/weighted_interleave/nodeN (Linux 6.9)"},
};

const char *former_key(const char *table, const char *name)
{
    for (size_t i = 0; i < sizeof(former_keys) / sizeof(former_keys[0]); i++)
        if (strcmp(former_keys[i].table, table) == 0 && strcmp(former_keys[i].name, name) == 0)
            return former_keys[i].instead;
    return NULL;
}

const char *const *foreign_key(const char *name)
{
    return find(keys, sizeof(keys) / sizeof(keys[0]), name);
}

const char *const *foreign_word(const char *word)
{
    return find(words, sizeof(words) / sizeof(words[0]), word);
}
