/*
 * Ordered map: a ring of `window` tasks. Items go in at `pushed`, results come out at `taken`; a place is free again when
 * its result was taken, which is the back-pressure.
 *
 * One thread pushes, one takes; they may be the same. Both wait by the map's address.
 */
#include <errno.h>
#include <stdlib.h>

#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/park.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"

enum { RETRY_NS = 1000000 };

struct map_place {
    struct nw_task task; /* first: run_place() finds the place by it */
    struct nw_map *map;
    void *item, *result;
};

struct nw_map {
    struct nw_pool *pool;
    void *(*fn)(void *, void *);
    void *context;
    struct nw_group group;
    unsigned window;
    atomic_bool ended;
    alignas(128) _Atomic uint64_t pushed; /* sequentially consistent with park_begin(), as `taken` and `ended` */
    alignas(128) _Atomic uint64_t taken;
    struct map_place places[];
};

static void run_place(struct nw_task *task)
{
    struct map_place *place = (struct map_place *)(void *)task;
    place->result = place->map->fn(place->item, place->map->context);
}

API int nw_map_open(struct nw_pool *pool, void *(*fn)(void *item, void *context), void *context, unsigned window,
                    struct nw_map **ret)
{
    if (library_is_forked())
        return -ECHILD;
    if (!window)
        return -EINVAL;
    int saved = errno;
    size_t size = sizeof(struct nw_map) + window * sizeof(struct map_place);
    struct nw_map *map = aligned_alloc(alignof(struct nw_map), (size + 127) / 128 * 128);
    errno = saved;
    if (!map)
        return -ENOMEM;
    *map = (struct nw_map){.pool = pool, .fn = fn, .context = context, .window = window};
    for (unsigned i = 0; i < window; i++)
        map->places[i] = (struct map_place){.task = {.run = run_place, .group = &map->group}, .map = map};
    *ret = map;
    return 0;
}

/* --- pushing --- */

static bool has_room(const struct nw_map *map)
{
    return atomic_load(&map->pushed) - atomic_load(&map->taken) < map->window;
}

static int push(struct nw_map *map, void *item)
{
    uint64_t number = atomic_load_explicit(&map->pushed, memory_order_relaxed);
    struct map_place *place = &map->places[number % map->window];
    place->item = item;
    int error = nw_submit(map->pool, &place->task);
    if (error < 0)
        return error;
    atomic_store(&map->pushed, number + 1);
    park_wake(map);
    return 0;
}

/* A worker runs items of the map before it sleeps: they may be what the taker waits for. */
static int wait_for_room(struct nw_map *map, int64_t deadline)
{
    struct worker *worker = pool_worker(map->pool);
    struct nw_task *task = worker ? worker_look_for(worker, &map->group, NULL, true) : NULL;
    if (task) {
        worker_run(worker, task);
        return 0;
    }
    struct parked parked;
    int error = 0;
    park_begin(&parked, map, false);
    if (!has_room(map))
        error = park_wait(&parked, deadline);
    park_end(&parked);
    return error;
}

/* The pool's backlog is full: others fill it, and nothing of the map tells when there is room again. */
static int wait_for_backlog(int64_t deadline)
{
    atomic_uint never = 0;
    int64_t now = clock_now();
    if (now >= deadline)
        return -ETIMEDOUT;
    futex_wait(&never, 0, deadline - now < RETRY_NS ? deadline : now + RETRY_NS);
    return 0;
}

static int push_until(struct nw_map *map, void *item, int64_t deadline)
{
    int error = 0;
    while (error == 0) {
        if (atomic_load(&map->ended))
            return -ESHUTDOWN;
        if (has_room(map)) {
            error = push(map, item);
            if (error != -EAGAIN)
                return error;
            error = wait_for_backlog(deadline);
        } else {
            error = wait_for_room(map, deadline);
        }
    }
    return error;
}

API int nw_map_push(struct nw_map *map, void *item, int64_t timeout_ns)
{
    if (library_is_forked())
        return -ECHILD;
    if (timeout_ns != 0)
        return push_until(map, item, clock_deadline(timeout_ns));
    if (atomic_load(&map->ended))
        return -ESHUTDOWN;
    return has_room(map) ? push(map, item) : -EAGAIN;
}

API void nw_map_end(struct nw_map *map)
{
    atomic_store(&map->ended, true);
    park_wake(map);
}

/* --- taking --- */

static bool has_more(const struct nw_map *map)
{
    return atomic_load(&map->pushed) != atomic_load(&map->taken);
}

static int wait_for_item(struct nw_map *map, int64_t deadline)
{
    int error = 0;
    while (error == 0 && !has_more(map)) {
        if (atomic_load(&map->ended))
            return has_more(map) ? 0 : -ENODATA;
        struct parked parked;
        park_begin(&parked, map, false);
        if (!has_more(map) && !atomic_load(&map->ended))
            error = park_wait(&parked, deadline);
        park_end(&parked);
    }
    return error;
}

static void take(struct nw_map *map, uint64_t number, void **ret_result)
{
    *ret_result = map->places[number % map->window].result;
    atomic_store(&map->taken, number + 1);
    park_wake(map);
}

API int nw_map_next(struct nw_map *map, void **ret_result, int64_t timeout_ns)
{
    if (library_is_forked())
        return -ECHILD;
    uint64_t number = atomic_load_explicit(&map->taken, memory_order_relaxed);
    struct nw_task *task = &map->places[number % map->window].task;
    int error = 0;
    if (timeout_ns == 0) {
        bool ended = atomic_load(&map->ended);
        if (!has_more(map))
            return ended ? -ENODATA : -EAGAIN;
        if (!task_is_over(task))
            return -EAGAIN;
    } else {
        int64_t deadline = clock_deadline(timeout_ns);
        error = wait_for_item(map, deadline);
        if (error == 0)
            error = task_wait_until(task, deadline);
    }
    if (error == 0)
        take(map, number, ret_result);
    return error;
}

API void nw_map_close(struct nw_map *map)
{
    if (!map || library_is_forked())
        return;
    nw_map_end(map);
    uint64_t pushed = atomic_load(&map->pushed);
    for (uint64_t number = atomic_load(&map->taken); number < pushed; number++)
        nw_task_cancel(&map->places[number % map->window].task);
    nw_group_wait(&map->group, -1);
    free(map);
}
