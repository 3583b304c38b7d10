#include "tools/complete/machine.h"

#include <stdio.h>

#include "policy/cpuset.h"
#include "tools/common/read_file.h"

#define NODES "/sys/devices/system/node/"

static void add_each_node(struct answer *answer, const char *before)
{
    char online[256], path[64], cpus[256], word[64], text[300];
    struct cpuset nodes = {0};
    if (!read_line(NODES "online", online, sizeof(online)) || cpuset_parse_list(&nodes, online, NULL) < 0)
        return;
    CPUSET_FOREACH(node, &nodes) {
        snprintf(path, sizeof(path), NODES "node%d/cpulist", node);
        read_line(path, cpus, sizeof(cpus));
        snprintf(word, sizeof(word), "%s%d", before, node);
        snprintf(text, sizeof(text), "CPUs %s", cpus);
        answer_add(answer, word, text);
    }
    cpuset_free(&nodes);
}

void machine_add_sets(struct answer *answer)
{
    char online[256];
    answer_add(answer, "all", "every CPU");
    if (read_line("/sys/devices/system/cpu/online", online, sizeof(online)))
        answer_add(answer, online, "the CPUs that are online");
    add_each_node(answer, "node:");
}

void machine_add_nodes(struct answer *answer, const char *prefix)
{
    char word[64];
    snprintf(word, sizeof(word), "%sall", prefix);
    answer_add(answer, word, "every node");
    add_each_node(answer, prefix);
}
