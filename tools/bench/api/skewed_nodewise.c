/* The load of skewed.h with a pool of nodewise.h. */
#include <errno.h>
#include <nodewise.h>

#include "tools/bench/api/skewed.h"

struct work {
    struct nw_task task;
    int node;
};

static void run(struct nw_task *task)
{
    do_task(((struct work *)(void *)task)->node);
}

int main(void)
{
    static struct work works[TASKS];
    struct nw_group group = {{0}};
    struct nw_pool *pool;
    int count = 0;
    if (nw_pool_open(NULL, &pool) < 0)
        return 1;
    for (int node = 0; node < NODES; node++)
        for (int i = 0; i < tasks_of(node); i++, count++) {
            works[count] = (struct work){.task = {.run = run, .group = &group}, .node = node};
            if (nw_submit_to(pool, node, &works[count].task) < 0)
                return 1;
        }
    if (nw_group_wait(&group, -1) < 0 || nw_pool_close(pool, -1) < 0)
        return 1;
    tell("nodewise");
    return 0;
}
