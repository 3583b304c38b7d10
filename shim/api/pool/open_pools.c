#include "shim/api/pool/open_pools.h"

#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "shim/api/pool/pool.h"
#include "shim/api/report.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nw_pool *first; /* under the lock */

/* A name is the program's; bytes of UTF-8 are left as they are. */
static void write_name(FILE *to, const char *name)
{
    for (; *name; name++)
        if (*name == '"' || *name == '\\' || iscntrl((unsigned char)*name))
            fprintf(to, "\\u%04x", (unsigned char)*name);
        else
            fputc(*name, to);
}

static void write_pool(FILE *to, struct nw_pool *pool)
{
    struct nw_pool_stats stats = {.size = sizeof(stats)};
    nw_pool_stats(pool, -1, &stats);
    fputs("{\"pool\":\"", to);
    write_name(to, pool->name);
    fprintf(to,
            "\",\"workers\":%u,\"nodes\":%u,\"run\":%" PRIu64 ",\"stolen_node\":%" PRIu64 ",\"stolen_socket\":%" PRIu64
            ",\"stolen_remote\":%" PRIu64 ",\"slept\":%" PRIu64 ",\"woken\":%" PRIu64 "}",
            pool->worker_count, pool->node_count, stats.run, stats.stolen_node, stats.stolen_socket,
            stats.stolen_remote, stats.slept, stats.woken);
}

static void write_pools(FILE *to)
{
    pthread_mutex_lock(&lock);
    fputc('[', to);
    for (struct nw_pool *pool = first; pool; pool = pool->next_open) {
        write_pool(to, pool);
        fputs(pool->next_open ? "," : "", to);
    }
    fputc(']', to);
    pthread_mutex_unlock(&lock);
}

void open_pools_add(struct nw_pool *pool)
{
    pthread_mutex_lock(&lock);
    pool->next_open = first;
    first = pool;
    pthread_mutex_unlock(&lock);
    report_add_section("pools", write_pools);
}

void open_pools_remove(struct nw_pool *pool)
{
    pthread_mutex_lock(&lock);
    struct nw_pool **at = &first;
    while (*at && *at != pool)
        at = &(*at)->next_open;
    if (*at)
        *at = pool->next_open;
    pthread_mutex_unlock(&lock);
}
