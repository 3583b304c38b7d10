/*
 * A pipe as a pool's door. One thread reads records of 16 bytes, which write(2) does not tear (PIPE_BUF), and posts their
 * tasks. It sleeps in poll(2) while there are none.
 *
 * A task that this process writes is counted at once, so that its group can be waited for at once; one that a forked child
 * writes is counted when it is read, because the child counts in its own copy of memory. The lowest bit of the address
 * tells them apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"
#include "shim/sys/again.h"

enum { RECORDS = 64, RETRY_NS = 1000000, COUNTED = 1 };

struct record {
    void (*run)(struct nw_task *);
    uintptr_t task; /* with COUNTED */
};

struct door {
    struct nw_pool *pool;
    int read_fd, write_fd, end_fd;
    atomic_uint ended;
    bool joined;
    pthread_t thread;
};

static struct nw_task *task_of(const struct record *record)
{
    return (struct nw_task *)(record->task & ~(uintptr_t)COUNTED);
}

static void post(struct door *door, const struct record *record)
{
    struct nw_task *task = task_of(record);
    if (!task || task->run != record->run)
        return;
    if (!(record->task & COUNTED) && task_begin(task, NULL) < 0)
        return;
    atomic_uint never = 0;
    while (pool_post(door->pool, pool_node_near(door->pool, -1), task) == -EAGAIN)
        futex_wait(&never, 0, clock_now() + RETRY_NS);
}

static size_t read_records(struct door *door, struct record *ret_records)
{
    ssize_t size = read(door->read_fd, ret_records, RECORDS * sizeof(*ret_records));
    return size > 0 ? (size_t)size / sizeof(*ret_records) : 0;
}

static void post_all(struct door *door)
{
    struct record records[RECORDS];
    size_t count;
    while ((count = read_records(door, records)))
        for (size_t i = 0; i < count; i++)
            post(door, &records[i]);
}

static void *read_pipe(void *argument)
{
    struct door *door = argument;
    struct pollfd fds[] = {{.fd = door->read_fd, .events = POLLIN}, {.fd = door->end_fd, .events = POLLIN}};
    unsigned interruptions = 0;
    char name[16];
    snprintf(name, sizeof(name), "%.10s-door", door->pool->name);
    pthread_setname_np(pthread_self(), name);
    while (!(fds[1].revents & POLLIN)) {
        if (poll(fds, 2, -1) >= 0)
            interruptions = 0;
        else if (!call_again(&interruptions))
            break;
        post_all(door); /* at the end, too: what was written before is taken in */
    }
    atomic_store(&door->ended, 1);
    futex_wake(&door->ended, 1);
    return NULL;
}

/* --- opening and ending --- */

static void close_fds(const struct door *door)
{
    if (door->read_fd >= 0)
        close(door->read_fd);
    if (door->write_fd >= 0)
        close(door->write_fd);
    if (door->end_fd >= 0)
        close(door->end_fd);
}

static int open_fds(struct door *door)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    door->read_fd = fds[0];
    door->write_fd = fds[1];
    door->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return door->end_fd < 0 ? -errno : 0;
}

static int open_door(struct nw_pool *pool)
{
    struct door *door = calloc(1, sizeof(*door));
    if (!door)
        return -ENOMEM;
    *door = (struct door){.pool = pool, .read_fd = -1, .write_fd = -1, .end_fd = -1};
    int error = open_fds(door);
    if (error == 0)
        error = -pthread_create(&door->thread, NULL, read_pipe, door);
    if (error < 0) {
        close_fds(door);
        free(door);
        return error;
    }
    pool->door = door;
    return 0;
}

API int nw_pool_pipe(struct nw_pool *pool, int *ret_write_fd)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int saved = errno;
    int error = library_begin();
    if (error == 0) {
        pthread_mutex_lock(&lock);
        error = pool->door ? 0 : atomic_load(&pool->draining) ? -ESHUTDOWN : open_door(pool);
        if (error == 0)
            *ret_write_fd = pool->door->write_fd;
        pthread_mutex_unlock(&lock);
    }
    errno = saved;
    return error;
}

API int nw_pipe_submit(int write_fd, struct nw_task *task)
{
    int saved = errno;
    bool counted = !library_is_forked();
    int error = counted ? task_begin(task, NULL) : 0;
    if (error == 0) {
        struct record record = {task->run, (uintptr_t)task | (counted ? COUNTED : 0)};
        error = write(write_fd, &record, sizeof(record)) < 0 ? -errno : 0;
        if (error < 0 && counted)
            task_begin_undo(task);
    }
    errno = saved;
    return error;
}

int door_end(struct door *door, int64_t deadline)
{
    uint64_t one = 1;
    int error = 0;
    if (!door || door->joined)
        return 0;
    ssize_t written = write(door->end_fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
    while (error == 0 && !atomic_load(&door->ended))
        error = futex_wait(&door->ended, 0, deadline);
    if (!atomic_load(&door->ended))
        return error;
    pthread_join(door->thread, NULL);
    door->joined = true;
    return 0;
}

void door_free(struct door *door)
{
    struct record records[RECORDS];
    size_t count;
    if (!door)
        return;
    /* Written after the pool was drained: nobody runs it, but who waits for it must not wait for ever. */
    while ((count = read_records(door, records)))
        for (size_t i = 0; i < count; i++)
            if (records[i].task & COUNTED)
                task_end(task_of(&records[i]), task_of(&records[i])->group, TASK_ENDED_CANCELLED);
    close_fds(door);
    free(door);
}
