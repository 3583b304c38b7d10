#include "tools/sha1sum/ordered.h"

#include <errno.h>
#include <string.h>

#define WINDOW 4u /* files under way for each worker: small ones are many */

static void *run(void *item, void *unused)
{
    struct job *job = item;
    (void)unused;
    job->error = digest_file(&job->digest, job->name);
    return job;
}

/* As many workers as there are files, or one for each core: 0. */
static unsigned workers_per_node(size_t files)
{
    size_t nodes = nw_node_indexes(), most = nw_slots() / (nodes ? nodes : 1);
    size_t wanted = nodes ? (files + nodes - 1) / nodes : 1;
    return wanted < most ? (unsigned)wanted : 0;
}

void ordered_begin(struct ordered *ordered, size_t files, void (*done)(void *context, struct job *job), void *context)
{
    struct nw_pool_options options;
    *ordered = (struct ordered){.done = done, .context = context};
    if (files < 2)
        return;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.name = "sha1sum";
    options.workers_per_node = workers_per_node(files);
    if (nw_pool_open(&options, &ordered->pool) < 0 ||
        nw_map_open(ordered->pool, run, NULL, WINDOW * (unsigned)nw_slots(), &ordered->map) < 0) {
        nw_pool_close(ordered->pool, -1);
        ordered->pool = NULL;
    }
}

static int take(struct ordered *ordered, int64_t timeout_ns)
{
    void *job;
    int error = nw_map_next(ordered->map, &job, timeout_ns);
    if (error == 0)
        ordered->done(ordered->context, job);
    return error;
}

static void do_it_here(struct ordered *ordered, struct job *job)
{
    run(job, NULL);
    ordered->done(ordered->context, job);
}

void ordered_add(struct ordered *ordered, struct job *job)
{
    int error;
    if (!ordered->pool) {
        do_it_here(ordered, job);
        return;
    }
    while ((error = nw_map_push(ordered->map, job, 0)) == -EAGAIN && take(ordered, -1) == 0)
        ;
    while (!error && take(ordered, 0) == 0)
        ;        /* what is there already is printed early */
    if (error) { /* not even one can be pushed: those before it come first */
        while (take(ordered, 0) == 0)
            ;
        do_it_here(ordered, job);
    }
}

void ordered_end(struct ordered *ordered)
{
    if (!ordered->pool)
        return;
    nw_map_end(ordered->map);
    while (take(ordered, -1) == 0)
        ;
    nw_map_close(ordered->map);
    nw_pool_close(ordered->pool, -1);
}
