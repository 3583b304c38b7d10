/*
 * A pool for tests to look at from outside. Arguments: the pool's name, workers per node (0: as it is). Says "ready" with
 * the number of its workers, then waits for lines: "more" runs a further task and says "did more"; at any other, what it
 * counted goes to stdout, and it ends.
 */
#include <inttypes.h>
#include <nodewise.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void nothing(struct nw_task *task)
{
    (void)task;
}

int main(int argc, char **argv)
{
    struct nw_pool *pool = NULL;
    struct nw_pool_options options;
    struct nw_pool_stats stats;
    struct nw_task task;
    char line[16];
    CHECK(argc == 3);
    memset(&options, 0, sizeof(options));
    memset(&task, 0, sizeof(task));
    options.size = sizeof(options);
    options.name = argv[1];
    options.workers_per_node = (unsigned)atoi(argv[2]);
    CHECK(nw_pool_open(&options, &pool) == 0);
    task.run = nothing;
    CHECK(nw_submit(pool, &task) == 0);
    CHECK(nw_task_wait(&task) == 0);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) && strcmp(line, "more\n") == 0) {
        CHECK(nw_submit(pool, &task) == 0);
        CHECK(nw_task_wait(&task) == 0);
        puts("did more");
        fflush(stdout);
    }
    stats.size = sizeof(stats);
    CHECK(nw_pool_stats(pool, -1, &stats) == 0);
    printf("run %" PRIu64 " slept %" PRIu64 " woken %" PRIu64 "\n", stats.run, stats.slept, stats.woken);
    CHECK(nw_pool_close(pool, -1) == 0);
    return 0;
}
