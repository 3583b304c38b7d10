/* How tasks come to a pool, and guests. */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/api/cpus.h"
#include "shim/api/library.h"
#include "shim/api/pool/park.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"

uint32_t pool_node_near(const struct nw_pool *pool, int32_t id)
{
    if (pool->node_count == 1)
        return 0;
    if (id < 0)
        id = cpus_node_of_index(nw_self().node_index);
    return id >= 0 && (uint32_t)id < pool->node_ids ? (uint32_t)pool->node_of[id] : 0;
}

int pool_post(struct nw_pool *pool, uint32_t node, struct nw_task *task)
{
    /* The task may have run and be gone as soon as it lies in the inbox. */
    struct nw_group *group = task->group;
    int error = inbox_put(&pool->nodes[node].inbox, (struct entry){task, group});
    if (error < 0)
        return error;
    pool_wake(pool, node);
    if (group)
        park_offer(group);
    return 0;
}

static int submit(struct nw_pool *pool, struct worker *worker, uint32_t node, struct nw_task *task,
                  struct task_watch *watch)
{
    int error = task_begin(task, watch);
    if (error < 0)
        return error;
    error = worker ? worker_push(worker, task) : pool_post(pool, node, task);
    if (error < 0)
        task_begin_undo(task);
    return error;
}

int pool_submit(struct nw_pool *pool, struct nw_task *task, struct task_watch *watch)
{
    struct worker *worker = pool_worker(pool);
    return submit(pool, worker, worker ? worker->node : pool_node_near(pool, -1), task, watch);
}

API int nw_submit(struct nw_pool *pool, struct nw_task *task)
{
    return library_is_forked() ? -ECHILD : pool_submit(pool, task, NULL);
}

static int submit_to(struct nw_pool *pool, uint32_t node, struct nw_task *task)
{
    struct worker *worker = pool_worker(pool);
    return submit(pool, worker && worker->node == node ? worker : NULL, node, task, NULL);
}

API int nw_submit_to(struct nw_pool *pool, int32_t node, struct nw_task *task)
{
    if (library_is_forked())
        return -ECHILD;
    for (uint32_t i = 0; i < pool->node_count; i++)
        if (pool->nodes[i].id == node)
            return submit_to(pool, i, task);
    return -ENOENT;
}

/* The node of the page, or -1 where the kernel does not tell or it was not touched yet. */
static int32_t node_of_page(const void *data)
{
    int saved = errno, node = -1;
    void *page = (void *)((uintptr_t)data & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1));
    if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &node, 0) < 0)
        node = -1;
    errno = saved;
    return node < 0 ? -1 : node;
}

API int nw_submit_near(struct nw_pool *pool, const void *data, struct nw_task *task)
{
    if (library_is_forked())
        return -ECHILD;
    return submit_to(pool, pool_node_near(pool, node_of_page(data)), task);
}

/* --- guests --- */

static bool borrow(struct worker *guest)
{
    bool borrowed = false;
    if (atomic_load_explicit(&guest->borrowed, memory_order_relaxed) ||
        !atomic_compare_exchange_strong(&guest->borrowed, &borrowed, true))
        return false;
    atomic_fetch_add(&guest->activity, 1);
    if (!atomic_load(&guest->pool->draining)) /* with drain(): it sees the activity, or is seen here */
        return true;
    pool_return_guest(guest);
    return false;
}

struct worker *pool_borrow_guest(struct nw_pool *pool)
{
    uint32_t near = pool_node_near(pool, -1);
    for (uint32_t i = 0; i < pool->guest_count; i++) {
        struct worker *guest = pool->workers[pool->worker_count + (near * GUESTS_PER_NODE + i) % pool->guest_count];
        if (borrow(guest)) {
            guest->frame = guest->leap.stack = 0;
            worker_own = guest;
            return guest;
        }
    }
    return NULL;
}

void pool_return_guest(struct worker *guest)
{
    struct nw_pool *pool = guest->pool;
    if (worker_self() == guest)
        worker_own = NULL;
    atomic_fetch_add(&guest->activity, 1); /* while it is still the caller's: even is not borrowed */
    atomic_store(&guest->borrowed, false);
    if (atomic_load(&pool->draining))
        park_wake(pool);
}
