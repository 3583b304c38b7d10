/*
 * Threads of the nodes make the pages: zeroing them is local to each, and where no policy says it, the page is on the
 * node of the thread that makes it. A page that cannot be had is an error of madvise(2); a touch would be SIGBUS.
 */
#include "shim/api/region.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "policy/reason.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/base/page_size.h"
#include "shim/sys/placing.h"

#define POPULATE_WRITE 23   /* MADV_POPULATE_WRITE, Linux 5.14 */
#define THREADS_MOST   256u /* more do not make memory faster */

struct part {
    char *start;
    size_t size;
    int node; /* -1: by a thread wherever it is */
    int error;
    pthread_t thread;
    bool started;
};

static int make_present(char *start, size_t size)
{
    int error = kernel_advise(start, size, POPULATE_WRITE);
    if (error != -EINVAL)
        return error;
    for (size_t i = 0; i < size; i += page_size())
        *(volatile char *)(start + i) = 0;
    return 0;
}

/* Best effort: a thread elsewhere makes the same pages, in more time. */
static void go_to(int node)
{
    uint64_t mask[CPUS_MAX / 64] = {0};
    bool any = false;
    for (unsigned slot = 0; slot < cpus_slots(); slot++) {
        int32_t cpu = cpus_of_slot(slot);
        if (cpus_place((unsigned)cpu).node != node)
            continue;
        mask[cpu / 64] |= UINT64_C(1) << cpu % 64;
        any = true;
    }
    if (any && library_may_place())
        sys_set_affinity(0, mask, CPUS_MAX / 64);
}

static void *run(void *argument)
{
    struct part *part = argument;
    library_hold();
    if (part->node >= 0)
        go_to(part->node);
    part->error = make_present(part->start, part->size);
    library_release();
    return NULL;
}

/* --- parts --- */

static unsigned list_nodes(const uint64_t nodes[REGION_NODE_WORDS], int *ret_nodes)
{
    unsigned count = 0;
    for (int node = 0; node < (int)NODES_MAX; node++)
        if (nodes[node / 64] >> node % 64 & 1)
            ret_nodes[count++] = node;
    return count;
}

static unsigned part_count(const struct region_wish *wish, unsigned node_count)
{
    size_t pages = wish->length / wish->page;
    size_t count = wish->touch_threads ? wish->touch_threads : node_count;
    if (count > THREADS_MOST)
        count = THREADS_MOST;
    return (unsigned)(count < pages ? count : pages);
}

static void divide(char *start, const struct region_wish *wish, struct part *parts, unsigned count)
{
    int nodes[NODES_MAX];
    unsigned node_count = list_nodes(wish->nodes, nodes);
    size_t pages = wish->length / wish->page;
    for (unsigned i = 0; i < count; i++) {
        size_t first = pages * i / count, end = pages * (i + 1) / count;
        parts[i] = (struct part){.start = start + first * wish->page,
                                 .size = (end - first) * wish->page,
                                 .node = nodes[(size_t)i * node_count / count]};
    }
}

/* The program's signals are for its own threads. */
static void start_all(struct part *parts, unsigned count)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < count; i++)
        parts[i].started = pthread_create(&parts[i].thread, NULL, run, &parts[i]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int finish_all(struct part *parts, unsigned count)
{
    int error = 0;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].started)
            pthread_join(parts[i].thread, NULL);
        else /* no thread can be had: the caller makes the part */
            parts[i].error = make_present(parts[i].start, parts[i].size);
        if (!error)
            error = parts[i].error;
    }
    return error;
}

static int touch(char *start, const struct region_wish *wish)
{
    int nodes[NODES_MAX];
    unsigned count = part_count(wish, list_nodes(wish->nodes, nodes));
    struct part *parts = calloc(count, sizeof(*parts));
    if (!parts)
        return make_present(start, wish->length);
    divide(start, wish, parts, count);
    start_all(parts, count);
    int error = finish_all(parts, count);
    free(parts);
    return error;
}

struct region_step region_prefault(void *start, const struct region_wish *wish)
{
    int error = 0;
    if (wish->prefault == 't')
        error = touch(start, wish);
    else if (wish->prefault == 'p')
        error = make_present(start, wish->length);
    if (!error)
        return (struct region_step){{NW_STRICT, REASON_OK}, 0};
    return (struct region_step){{NW_BEST_EFFORT, kernel_reason(error)}, error};
}
