/* Writes nw_report() of a process that holds a region, a storage, a counter and a pool. */
#include <errno.h>
#include <nodewise.h>
#include <string.h>

#include "check.h"

static void *create(void *context, struct nw_affinity where)
{
    (void)where;
    return context;
}

int main(void)
{
    struct nw_value_ops ops = {create, NULL, NULL, NULL};
    struct nw_region region;
    struct nw_counter *counter;
    struct nw_local *local;
    struct nw_pool_options options;
    struct nw_pool *pool;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.name = "a \"pool\"";
    CHECK(nw_region_map(&region, 1, NULL) == 0);
    CHECK(nw_counter_open(&counter) == 0);
    CHECK(nw_local_open(NW_PER_NODE, &ops, NULL, &local) == 0);
    CHECK(nw_pool_open(&options, &pool) == 0);
    CHECK(nw_report(1) == 0);
    CHECK(nw_report(-1) == -EBADF);
    CHECK(nw_region_unmap(&region) == 0);
    nw_counter_close(counter);
    nw_local_release(local);
    CHECK(nw_pool_close(pool, -1) == 0);
    CHECK(nw_report(1) == 0);
    return 0;
}
