/* Topologies: this machine and a synthetic one; nodes, distances, sets in the policy's grammar, also in a forked child. */
#include <errno.h>
#include <limits.h>
#include <nodewise.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static unsigned count(const struct nw_set *set)
{
    unsigned bits = 0;
    for (size_t i = 0; i < set->words; i++)
        bits += (unsigned)__builtin_popcountl(set->bits[i]);
    return bits;
}

static bool has(const struct nw_set *set, unsigned cpu)
{
    return cpu / LONG_BIT < set->words && (set->bits[cpu / LONG_BIT] >> cpu % LONG_BIT & 1);
}

static unsigned size_of(const struct nw_topology *topology, const char *text)
{
    struct nw_set set;
    CHECK(nw_topology_set(topology, text, &set) == 0);
    unsigned cpus = count(&set);
    nw_set_free(&set);
    CHECK(set.bits == NULL && set.words == 0);
    nw_set_free(&set);
    return cpus;
}

static void this_machine(cpu_set_t all)
{
    struct nw_topology *topology, *again;
    struct nw_pin pin;
    CHECK(nw_pin_push(&pin, "+0", NW_SOFT, NULL) == 0); /* a pin of the moment does not narrow what the machine is */
    CHECK(nw_topology_open(NULL, &topology) == 0);
    CHECK(nw_topology_open(NULL, &again) == 0);
    CHECK(topology == again);
    CHECK(size_of(topology, "all") == (unsigned)CPU_COUNT(&all));
    CHECK(nw_topology_nodes(topology, NULL, 0) >= 1);
    nw_topology_close(again);
    nw_topology_close(topology);
    CHECK(nw_pin_pop(&pin) == 0);
}

static void synthetic(void)
{
    struct nw_topology *topology;
    struct nw_set set;
    int32_t nodes[8] = {-7, -7, -7, -7, -7, -7, -7, -7};
    uint64_t bytes = 0;
    CHECK(nw_topology_open("pack:2 numa:2 core:2 pu:2", &topology) == 0);
    CHECK(nw_topology_nodes(topology, nodes, 2) == 4);
    CHECK(nodes[0] == 0 && nodes[1] == 1 && nodes[2] == -7);
    CHECK(nw_topology_distance(topology, 1, 1) == 10);
    CHECK(nw_topology_distance(topology, 0, 3) > 10);
    CHECK(nw_topology_distance(topology, 0, 4) == -ENOENT);
    CHECK(nw_topology_distance(topology, -1, 0) == -ENOENT);
    CHECK(nw_topology_node(topology, 3, &set, &bytes) == 0);
    CHECK(count(&set) == 4 && has(&set, 12) && has(&set, 15) && !has(&set, 11) && bytes > 0);
    nw_set_free(&set);
    CHECK(nw_topology_node(topology, 4, &set, NULL) == -ENOENT);
    CHECK(size_of(topology, "socket:1") == 8);
    CHECK(size_of(topology, "node-of(cpu:5)") == 4);
    CHECK(nw_topology_set(topology, "node:9", &set) == -ENOENT);
    CHECK(nw_topology_set(topology, "everything", &set) == -EINVAL);
    nw_topology_close(topology);
    CHECK(nw_topology_open("numa:0 wrong", &topology) == -EINVAL);
    nw_topology_close(NULL);
}

static void child(void)
{
    struct nw_registry *registry;
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        synthetic();
        CHECK(nw_registry_open(NW_ALL, 0, NULL, &registry) == -ECHILD);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void capabilities(bool refused)
{
    struct nw_capabilities can;
    memset(&can, 1, sizeof(can));
    can.size = 0;
    CHECK(nw_capabilities(&can) == -EINVAL);
    can.size = (uint32_t)((char *)&can.set_mempolicy - (char *)&can); /* of an older program */
    CHECK(nw_capabilities(&can) == 0);
    CHECK(can.pin == !refused && can.io_uring);
    can.size = sizeof(can);
    CHECK(nw_capabilities(&can) == 0);
    CHECK(can.pin == !refused);
}

int main(int argc, char **argv)
{
    cpu_set_t all = own_mask();
    this_machine(all);
    synthetic();
    capabilities(told(argc, argv, "refused"));
    child();
    return 0;
}
