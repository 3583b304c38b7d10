/* Registries: which CPUs, in which order, how many; a slot is one thread's until it ends. */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>

#include "check.h"

#define MACHINE "pack:2 numa:1 core:2 pu:2" /* 2 nodes, 4 cores, 8 CPUs */

static struct nw_registry *open_registry(enum nw_count how, unsigned n)
{
    struct nw_registry *registry;
    CHECK(nw_registry_open(how, n, MACHINE, &registry) == 0);
    return registry;
}

static unsigned size_of(enum nw_count how, unsigned n)
{
    struct nw_registry *registry = open_registry(how, n);
    unsigned count = nw_registry_affinities(registry, NULL, 0);
    nw_registry_close(registry);
    return count;
}

static void counts(void)
{
    struct nw_registry *registry;
    CHECK(size_of(NW_AUTO, 0) == 4);
    CHECK(size_of(NW_ALL, 0) == 8);
    CHECK(size_of(NW_EXACTLY, 6) == 6);
    CHECK(size_of(NW_AT_MOST, 3) == 3);
    CHECK(size_of(NW_AT_MOST, 100) == 4);
    CHECK(nw_registry_open(NW_EXACTLY, 9, MACHINE, &registry) == -ERANGE);
    CHECK(nw_registry_open(NW_EXACTLY, 0, MACHINE, &registry) == -EINVAL);
    CHECK(nw_registry_open((enum nw_count)9, 1, MACHINE, &registry) == -EINVAL);
    CHECK(nw_registry_open(NW_ALL, 0, "no machine", &registry) == -EINVAL);
    nw_registry_close(NULL);
}

/* Cores first, nodes in turn, then the second CPUs of the cores. */
static void is_in_order(void)
{
    static const int cpus[] = {0, 4, 2, 6, 1, 5, 3, 7};
    struct nw_registry *registry = open_registry(NW_ALL, 0);
    struct nw_affinity at[8];
    CHECK(nw_registry_affinities(registry, at, 8) == 8);
    for (int i = 0; i < 8; i++) {
        CHECK(at[i].cpu == cpus[i] && at[i].slot == (unsigned)cpus[i]);
        CHECK(at[i].node == cpus[i] / 4 && at[i].node_index == (unsigned)cpus[i] / 4);
        CHECK(at[i].slot < nw_slots() && at[i].node_index < nw_node_indexes());
    }
    nw_registry_close(registry);
}

static void *takes(void *registry)
{
    CHECK(nw_registry_take((struct nw_registry *)registry, 4, NULL) == 0);
    CHECK(nw_self().cpu == 4 && nw_self().node == 1 && nw_self().slot == 4 && nw_self().node_index == 1);
    CHECK(nw_registry_take((struct nw_registry *)registry, 2, NULL) == 0); /* gives 4 back */
    return NULL;
}

static void *is_refused(void *registry)
{
    CHECK(nw_registry_take((struct nw_registry *)registry, 0, NULL) == -EBUSY);
    CHECK(nw_registry_take((struct nw_registry *)registry, NW_ANY_SLOT, NULL) == 0);
    CHECK(nw_self().slot == 4);
    return NULL;
}

static void *belongs_to_one(void *unused)
{
    (void)unused;
    struct nw_registry *registry = open_registry(NW_AUTO, 0);
    struct nw_got got = {NW_NONE, 1};
    CHECK(nw_registry_take(registry, 0, &got) == 0);
    CHECK(got.level == NW_STRICT && got.reason == 0);
    CHECK(nw_registry_take(registry, 0, NULL) == 0);
    CHECK(nw_registry_take(registry, 1, NULL) == -EINVAL); /* not of this registry */
    in_thread(takes, registry);
    in_thread(is_refused, registry);
    in_thread(takes, registry); /* what ended threads had is free */
    nw_registry_close(registry);
    CHECK(nw_self().slot == 0);
    return NULL;
}

/* On this machine the kernel says how it went. */
static void *pins(void *refused)
{
    struct nw_registry *registry;
    struct nw_affinity first;
    struct nw_got got;
    CHECK(nw_registry_open(NW_ALL, 0, NULL, &registry) == 0);
    CHECK(nw_registry_affinities(registry, &first, 1) >= 1);
    CHECK(nw_registry_take(registry, first.slot, &got) == 0);
    if (refused) {
        CHECK(got.level == NW_NONE && strstr(nw_reason(got.reason), "EPERM"));
    } else {
        CHECK(got.level == NW_STRICT && nw_self().cpu == first.cpu);
        cpu_set_t now = own_mask();
        CHECK(CPU_COUNT(&now) == 1 && CPU_ISSET(first.cpu, &now));
    }
    nw_registry_close(registry);
    return NULL;
}

int main(int argc, char **argv)
{
    bool refused = told(argc, argv, "refused");
    counts();
    is_in_order();
    in_thread(belongs_to_one, NULL);
    in_thread(pins, refused ? (struct nw_registry *)(void *)&refused : NULL);
    return 0;
}
