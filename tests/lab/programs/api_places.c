/*
 * Where what the C interface gives out lies, as the kernel says it: values, lines of a counter, pages of regions, blocks of a
 * node, memory that follows its thread. For a machine with 4 nodes of 2 CPUs. Ends with 1 where something lies elsewhere.
 */
#include <nodewise.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/api/programs/check.h"

#define NODES  4
#define PAGE   4096u
#define LENGTH (NODES * 64 * PAGE)

static struct nw_registry *registry;
static struct nw_local *values[2]; /* by scope */

/* The node of a page, or a negative errno. */
static int node_of(const void *address)
{
    void *page = (void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1));
    int status = -1000;
    CHECK(syscall(SYS_move_pages, 0, 1L, &page, NULL, &status, 0) == 0);
    return status;
}

static void all_on(const char *start, size_t size, int node)
{
    for (size_t i = 0; i < size; i += PAGE)
        CHECK(node_of(start + i) == node);
}

/* --- values --- */

static void *create(void *context, struct nw_affinity where)
{
    (void)context;
    (void)where;
    /* not malloc's: without the library that gives out pages again that lie where their first user was */
    void *value = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(value != MAP_FAILED);
    memset(value, 1, PAGE);
    return value;
}

static void destroy(void *value)
{
    CHECK(munmap(value, PAGE) == 0);
}

static void *has_values_here(void *at)
{
    const struct nw_affinity *slot = at;
    struct nw_got got;
    CHECK(nw_registry_take(registry, slot->slot, &got) == 0 && got.level == NW_STRICT);
    CHECK(nw_self().node == slot->node && nw_self().cpu == slot->cpu);
    for (int scope = NW_PER_CORE; scope <= NW_PER_NODE; scope++)
        CHECK(node_of(nw_local_get(values[scope])) == slot->node);
    return NULL;
}

static void values_lie_on_their_nodes(void)
{
    struct nw_value_ops ops = {.create = create, .destroy = destroy};
    struct nw_affinity at[8];
    unsigned count = nw_registry_affinities(registry, at, 8);
    CHECK(count == 8);
    for (int scope = NW_PER_CORE; scope <= NW_PER_NODE; scope++)
        CHECK(nw_local_open((enum nw_scope)scope, &ops, NULL, &values[scope]) == 0);
    for (unsigned i = 0; i < count; i++)
        in_thread(has_values_here, &at[i]);
    for (int scope = NW_PER_CORE; scope <= NW_PER_NODE; scope++)
        nw_local_release(values[scope]);
}

static void *carries(void *unused)
{
    struct nw_value_ops ops = {.create = create, .destroy = destroy};
    struct nw_carried carried = {0};
    struct nw_affinity at[8];
    CHECK(nw_registry_affinities(registry, at, 8) == 8 && at[0].node != at[3].node);
    CHECK(nw_local_open(NW_PER_NODE, &ops, NULL, &carried.local) == 0);
    void *values_of[2];
    for (int i = 0; i < 2; i++) {
        const struct nw_affinity *to = &at[i * 3];
        CHECK(nw_registry_take(registry, to->slot, NULL) == 0);
        values_of[i] = nw_carried_relocate(&carried, nw_self());
        CHECK(node_of(values_of[i]) == to->node);
        CHECK(nw_carried_relocate(&carried, nw_self()) == values_of[i]);
    }
    CHECK(values_of[0] != values_of[1]);
    nw_local_release(carried.local);
    return unused;
}

/* --- counters --- */

static void *adds_here(void *counter)
{
    CHECK(nw_registry_take(registry, NW_ANY_SLOT, NULL) == 0);
    nw_counter_add(counter, 1);
    return NULL;
}

static void lines_lie_on_their_nodes(void)
{
    struct nw_counter *counter;
    const char *lines;
    CHECK(nw_counter_open(&counter) == 0);
    memcpy(&lines, counter, sizeof(lines)); /* its first member; a page for each node here */
    for (int node = 0; node < NODES; node++)
        in_thread(adds_here, counter); /* on any node: the page's place was bound before */
    for (int node = 0; node < NODES; node++) {
        *(volatile char *)(lines + node * PAGE + PAGE - 1) = 0; /* touched by this thread, wherever it is */
        CHECK(node_of(lines + node * PAGE) == node);
    }
    CHECK(nw_counter_sum(counter) == NODES);
    nw_counter_close(counter);
}

/* --- regions and blocks --- */

static struct nw_region map(enum nw_policy policy, const char *nodes)
{
    struct nw_region_options options = {
        .size = sizeof(options), .policy = (uint8_t)policy, .mode = NW_HARD, .prefault = 't', .nodes = nodes};
    struct nw_region region;
    CHECK(nw_region_map(&region, LENGTH, &options) == 0);
    CHECK(region.got.level == NW_STRICT && region.length == LENGTH);
    return region;
}

static void pages_lie_where_they_were_asked_for(void)
{
    struct nw_region bound = map(NW_BIND, "2"), spread = map(NW_INTERLEAVE, "1,3"), shared = map(NW_LOCAL, "0-3");
    double right;
    all_on(bound.start, LENGTH, 2);
    for (size_t page = 0; page < LENGTH / PAGE; page++) {
        int node = node_of((char *)spread.start + page * PAGE);
        CHECK(node == 1 || node == 3);
        CHECK(page == 0 || node != node_of((char *)spread.start + (page - 1) * PAGE));
    }
    for (int node = 0; node < NODES; node++)
        all_on((char *)shared.start + node * (LENGTH / NODES), LENGTH / NODES, node);
    CHECK(nw_region_check(&bound, 50, &right) == 50 && right == 1);
    /* a page that another has moved away is noticed */
    void *page = bound.start;
    int elsewhere = 0, status;
    CHECK(syscall(SYS_move_pages, 0, 1L, &page, &elsewhere, &status, 2 /* MPOL_MF_MOVE */) == 0 && status == 0);
    CHECK(nw_region_check(&bound, LENGTH / PAGE, &right) == LENGTH / PAGE && right < 1 && right > 0.99);
    CHECK(nw_region_unmap(&bound) == 0 && nw_region_unmap(&spread) == 0 && nw_region_unmap(&shared) == 0);
}

static void blocks_lie_on_the_node(bool governed)
{
    static const size_t sizes[] = {64, 3000, 100000, 3u << 20};
    for (int node = 0; node < NODES; node++)
        for (int i = 0; i < 4; i++) {
            char *block = nw_alloc_on(node, sizes[i]);
            CHECK(block != NULL);
            memset(block, 1, sizes[i]);
            if (governed || sizes[i] > 2 * PAGE)
                CHECK(node_of(block + sizes[i] / 2) == node);
            free(block);
        }
}

/* --- what follows --- */

static void *follows(void *unused)
{
    struct nw_affinity at[8];
    char *memory = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && nw_registry_affinities(registry, at, 8) == 8);
    CHECK(nw_registry_take(registry, at[0].slot, NULL) == 0);
    memset(memory, 1, 8 * PAGE);
    all_on(memory, 8 * PAGE, at[0].node);
    CHECK(nw_track(memory, 8 * PAGE) == 0);
    CHECK(at[3].node != at[0].node && nw_registry_take(registry, at[3].slot, NULL) == 0);
    all_on(memory, 8 * PAGE, at[3].node);
    CHECK(munmap(memory, 8 * PAGE) == 0);
    CHECK(nw_track(memory, 0) == 0);
    return unused;
}

int main(int argc, char **argv)
{
    CHECK(nw_governed() == told(argc, argv, "governed"));
    CHECK(nw_registry_open(NW_ALL, 0, NULL, &registry) == 0);
    values_lie_on_their_nodes();
    in_thread(carries, NULL);
    lines_lie_on_their_nodes();
    pages_lie_where_they_were_asked_for();
    blocks_lie_on_the_node(nw_governed());
    in_thread(follows, NULL);
    nw_registry_close(registry);
    printf("all in place\n");
    return 0;
}
