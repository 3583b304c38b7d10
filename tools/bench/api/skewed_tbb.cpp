// The load of skewed.h with an arena of oneTBB for each node, as its guide shows it.
#include <memory>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <vector>

#include "tools/bench/api/skewed.h"

int main()
{
    std::vector<tbb::numa_node_id> nodes = tbb::info::numa_nodes();
    if (nodes.size() != NODES) {
        fprintf(stderr, "oneTBB sees %zu nodes: libtbbbind is needed\n", nodes.size());
        return 1;
    }
    std::vector<std::unique_ptr<tbb::task_arena>> arenas;
    std::vector<tbb::task_group> groups(NODES);
    for (tbb::numa_node_id node : nodes)
        arenas.push_back(std::make_unique<tbb::task_arena>(tbb::task_arena::constraints(node)));
    for (int i = 0; i < NODES; i++)
        arenas[i]->execute([&, i] {
            for (int k = 0; k < tasks_of(nodes[i]); k++)
                groups[i].run([&, i] { do_task(nodes[i]); });
        });
    for (int i = 0; i < NODES; i++)
        arenas[i]->execute([&, i] { groups[i].wait(); });
    tell("tbb");
}
