/*
 * Opens and closes a pool of the same name again and again. Arguments: its name, workers per node, how often. Each counts
 * ten tasks of its own. Says "ready" when the last one is closed, waits for a line, and ends.
 */
#include <nodewise.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define TASKS 10

static void nothing(struct nw_task *task)
{
    (void)task;
}

static void use(const struct nw_pool_options *options)
{
    struct nw_pool *pool = NULL;
    struct nw_group group;
    struct nw_task tasks[TASKS];
    struct nw_pool_stats stats;
    memset(&group, 0, sizeof(group));
    memset(tasks, 0, sizeof(tasks));
    CHECK(nw_pool_open(options, &pool) == 0);
    for (int i = 0; i < TASKS; i++) {
        tasks[i].run = nothing;
        tasks[i].group = &group;
        CHECK(nw_submit(pool, &tasks[i]) == 0);
    }
    CHECK(nw_group_wait(&group, -1) == 0);
    CHECK(nw_pool_drain(pool, -1) == 0);
    stats.size = sizeof(stats);
    CHECK(nw_pool_stats(pool, -1, &stats) == 0);
    CHECK(stats.run == TASKS);
    CHECK(nw_pool_close(pool, -1) == 0);
}

int main(int argc, char **argv)
{
    struct nw_pool_options options;
    CHECK(argc == 4);
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.name = argv[1];
    options.workers_per_node = (unsigned)atoi(argv[2]);
    for (int i = 0; i < atoi(argv[3]); i++)
        use(&options);
    puts("ready");
    fflush(stdout);
    return getchar() == EOF;
}
