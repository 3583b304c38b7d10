/*
 * A pool on a machine with 4 nodes of 2 CPUs: where its workers run and what they use lies, where tasks for a node run, what
 * is taken from other nodes when one has most of the work. Ends with 1 where something is elsewhere.
 *
 *   pool_places places|skewed   where all is; or what a pool steals that may steal from anywhere
 *   pool_places walk            tasks of each node read that node's memory; between the marks of the access counter
 */
#include <nodewise.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/api/programs/check.h"
#include "tests/lab/counter/marks.h"

#define NODES  4
#define PAGE   4096u
#define LENGTH (64 * PAGE)
#define DEEP   (16 * PAGE) /* of a stack: below what its thread's creator has touched */

struct work {
    struct nw_task task;
    int32_t node; /* that it was submitted to; -1: any */
    const char *memory;
    unsigned rounds;
};

static struct nw_pool *pool;
static atomic_int ran_elsewhere, ran_elsewhere_early, ran;
static atomic_int left[NODES]; /* tasks for a node that were submitted and have not begun, or 1 less for a moment */
static atomic_long sum;

static int node_of(const void *address)
{
    void *page = (void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1));
    int status = -1000;
    CHECK(syscall(SYS_move_pages, 0, 1L, &page, NULL, &status, 0) == 0);
    return status;
}

static struct work *work_of(struct nw_task *task)
{
    return (struct work *)(void *)task;
}

static void open_pool(enum nw_steal steal)
{
    struct nw_pool_options options = {
        .size = sizeof(options), .name = "places", .mode = NW_HARD, .steal = (uint8_t)steal};
    CHECK(nw_pool_open(&options, &pool) == 0);
}

static void close_pool(void)
{
    CHECK(nw_pool_close(pool, -1) == 0);
}

/* --- places --- */

static void looks_around(struct nw_task *task)
{
    volatile char deep[DEEP];
    const struct work *work = work_of(task);
    struct nw_affinity at = nw_self();
    memset((char *)(uintptr_t)deep, 1, sizeof(deep));
    CHECK(at.cpu >= 0 && at.node == work->node);
    CHECK(nw_pool_current() == pool);
    CHECK(node_of((const char *)(uintptr_t)deep) == at.node);
    char *own = malloc(LENGTH);
    CHECK(own != NULL);
    memset(own, 1, LENGTH);
    CHECK(node_of(own + LENGTH / 2) == at.node);
    free(own);
}

/* All of a node's tasks at once, so that its memory for what is queued is used, too. */
static void tasks_run_on_the_node_that_they_are_for(void)
{
    static struct work works[NODES][200];
    for (int node = 0; node < NODES; node++)
        for (int i = 0; i < 200; i++) {
            works[node][i] = (struct work){.task = {.run = looks_around}, .node = node};
            CHECK(nw_submit_to(pool, node, &works[node][i].task) == 0);
        }
    for (int node = 0; node < NODES; node++)
        for (int i = 0; i < 200; i++)
            CHECK(nw_task_wait(&works[node][i].task) == 0);
}

static char *memory_of(int node)
{
    static const char *const names[NODES] = {"0", "1", "2", "3"};
    struct nw_region_options options = {
        .size = sizeof(options), .policy = NW_BIND, .mode = NW_HARD, .prefault = 't', .nodes = names[node]};
    struct nw_region region;
    CHECK(nw_region_map(&region, LENGTH, &options) == 0);
    return region.start;
}

static void tasks_run_where_their_memory_is(void)
{
    for (int node = 0; node < NODES; node++) {
        struct work work = {.task = {.run = looks_around}, .node = node, .memory = memory_of(node)};
        CHECK(nw_submit_near(pool, work.memory, &work.task) == 0 && nw_task_wait(&work.task) == 0);
    }
}

/* What the pool has mapped for its queues: its mappings are bound to their nodes, which numa_maps tells. */
static void queues_lie_on_their_nodes(void)
{
    char line[512];
    int found[NODES] = {0};
    FILE *maps = fopen("/proc/self/numa_maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof(line), maps)) {
        int node;
        const char *prefer = strstr(line, " prefer");
        if (!prefer || sscanf(prefer, " prefer%*[^0-9]%d", &node) != 1 || node >= NODES)
            continue;
        for (int other = 0; other < NODES; other++) {
            char pages[8];
            snprintf(pages, sizeof(pages), " N%d=", other);
            CHECK(other == node || !strstr(line, pages));
            found[node] += other == node && strstr(line, pages);
        }
    }
    fclose(maps);
    for (int node = 0; node < NODES; node++)
        CHECK(found[node] > 0);
}

static void places(void)
{
    open_pool(NW_STEAL_NODE);
    tasks_run_on_the_node_that_they_are_for();
    tasks_run_where_their_memory_is();
    queues_lie_on_their_nodes();
    close_pool();
}

/* --- skewed load --- */

static void reads(struct nw_task *task)
{
    struct work *work = work_of(task);
    int32_t here = nw_self().node;
    long found = 0;
    atomic_fetch_sub(&left[work->node], 1);
    if (here != work->node) {
        atomic_fetch_add(&ran_elsewhere, 1);
        if (atomic_load(&left[here]) > 0)
            atomic_fetch_add(&ran_elsewhere_early, 1);
    }
    for (unsigned round = 0; round < work->rounds; round++)
        for (unsigned i = 0; i < LENGTH; i += 64)
            found += *(const volatile char *)(work->memory + i);
    atomic_fetch_add(&sum, found);
    atomic_fetch_add(&ran, 1);
}

static void submit_all(struct work *works, struct nw_group *group, const unsigned *counts, unsigned rounds)
{
    unsigned at = 0;
    for (int node = 0; node < NODES; node++) {
        const char *memory = memory_of(node);
        for (unsigned i = 0; i < counts[node]; i++)
            works[at++] =
                (struct work){.task = {.run = reads, .group = group}, .node = node, .memory = memory, .rounds = rounds};
    }
    for (unsigned i = 0; i < at; i++) {
        CHECK(nw_submit_to(pool, works[i].node, &works[i].task) == 0);
        atomic_fetch_add(&left[works[i].node], 1);
    }
}

/*
 * Node 0 has as much as the others together, and more. Where its workers are as fast as the submitter, nothing waits that
 * others could take: then the tasks become longer.
 */
static void skewed(void)
{
    static const unsigned counts[NODES] = {800, 200, 200, 200};
    static struct work works[1400];
    struct nw_pool_stats stats = {.size = sizeof(stats)};
    int turns = 0;
    open_pool(NW_STEAL_ANY);
    for (unsigned rounds = 2; rounds < 1000 && !atomic_load(&ran_elsewhere); rounds *= 2, turns++) {
        struct nw_group group = {{0}};
        submit_all(works, &group, counts, rounds);
        CHECK(nw_group_wait(&group, -1) == 0);
    }
    CHECK(nw_pool_stats(pool, -1, &stats) == 0);
    close_pool();
    printf("ran %d, elsewhere %d, of these while there was own work %d, stolen from afar %llu\n", atomic_load(&ran),
           atomic_load(&ran_elsewhere), atomic_load(&ran_elsewhere_early), (unsigned long long)stats.stolen_remote);
    CHECK(atomic_load(&ran) == 1400 * turns);
    CHECK(atomic_load(&ran_elsewhere) > 0);
    CHECK(atomic_load(&ran_elsewhere_early) * 10 <= 1400);
}

/* --- for the access counter --- */

static void walk(void)
{
    static const unsigned counts[NODES] = {16, 16, 16, 16};
    static struct work works[64];
    struct nw_group group = {{0}};
    CHECK(mmap((void *)(uintptr_t)MARK_PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) != MAP_FAILED);
    open_pool(NW_STEAL_NODE);
    mark_store(MARK_START);
    submit_all(works, &group, counts, 50);
    CHECK(nw_group_wait(&group, -1) == 0);
    mark_store(MARK_STOP);
    close_pool();
}

int main(int argc, char **argv)
{
    CHECK(argc > 1 && nw_governed() == told(argc, argv, "governed"));
    if (strcmp(argv[1], "places") == 0)
        places();
    else if (strcmp(argv[1], "skewed") == 0)
        skewed();
    else
        walk();
    printf("all in place\n");
    return 0;
}
