/*
 * The pool under ThreadSanitizer, with yields at random places inside its queues: each task runs once or was cancelled,
 * each wait ends, and nothing is touched that is the caller's again.
 *
 *   pool_model SECONDS SEED
 */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shim/api/pool/deque.h"
#include "shim/api/pool/futex.h"
#include "shim/api/pool/inbox.h"
#include "tests/model/check.h"

static unsigned seed;
static _Atomic unsigned threads_so_far;
static _Thread_local unsigned own_random;

static unsigned random_below(unsigned bound)
{
    if (!own_random)
        own_random = (seed + 1) * 2654435761u + atomic_fetch_add(&threads_so_far, 1) * 40503u + 1;
    own_random ^= own_random << 13;
    own_random ^= own_random >> 17;
    own_random ^= own_random << 5;
    return own_random % bound;
}

void step(void)
{
    if (random_below(16) == 0)
        sched_yield();
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    CHECK(pthread_create(thread, NULL, run, argument) == 0);
}

/* --- the queues alone: each entry comes out once --- */

enum { ENTRIES = 3000, THIEVES = 3 };

static struct nw_task tasks[ENTRIES];
static _Atomic unsigned came_out[ENTRIES], came_out_in_all;
static struct deque deque;
static struct inbox inbox;

static void note(struct entry entry)
{
    CHECK(atomic_fetch_add(&came_out[entry.task - tasks], 1) == 0);
    CHECK(entry.group == (struct nw_group *)(void *)entry.task);
    atomic_fetch_add(&came_out_in_all, 1);
}

static struct entry entry_of(unsigned number)
{
    return (struct entry){&tasks[number], (struct nw_group *)(void *)&tasks[number]};
}

static void *steal_all(void *unused)
{
    struct entry entry;
    while (atomic_load(&came_out_in_all) < ENTRIES)
        if (deque_steal(&deque, &entry) == THEFT_GOT)
            note(entry);
    return unused;
}

static void *take_all(void *unused)
{
    struct entry entries[8];
    while (atomic_load(&came_out_in_all) < ENTRIES) {
        size_t count = inbox_take(&inbox, entries, 1 + random_below(8));
        for (size_t i = 0; i < count; i++)
            note(entries[i]);
        CHECK(inbox_most(&inbox) <= 7);
    }
    return unused;
}

static void begin_round(void)
{
    memset(came_out, 0, sizeof(came_out));
    atomic_store(&came_out_in_all, 0);
}

static void a_deque_gives_each_once(void)
{
    pthread_t thieves[THIEVES];
    struct entry entry;
    begin_round();
    CHECK(deque_init(&deque) == 0);
    for (unsigned i = 0; i < THIEVES; i++)
        start(&thieves[i], steal_all, NULL);
    for (unsigned i = 0; i < ENTRIES;) {
        for (unsigned pushes = random_below(500); pushes && i < ENTRIES; pushes--)
            CHECK(deque_push(&deque, entry_of(i++)) == 0);
        for (unsigned pops = random_below(400); pops && deque_pop(&deque, &entry); pops--)
            note(entry);
    }
    while (deque_pop(&deque, &entry))
        note(entry);
    for (unsigned i = 0; i < THIEVES; i++)
        pthread_join(thieves[i], NULL);
    deque_free(&deque);
}

static void *put_half(void *first)
{
    for (unsigned i = *(unsigned *)first; i < ENTRIES; i += 2)
        while (inbox_put(&inbox, entry_of(i)) == -EAGAIN)
            sched_yield();
    return NULL;
}

static void an_inbox_gives_each_once(void)
{
    pthread_t takers[THIEVES], putters[2];
    unsigned firsts[] = {0, 1};
    begin_round();
    CHECK(inbox_init(&inbox, 7, -1) == 0);
    for (unsigned i = 0; i < THIEVES; i++)
        start(&takers[i], take_all, NULL);
    for (unsigned i = 0; i < 2; i++)
        start(&putters[i], put_half, &firsts[i]);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(putters[i], NULL);
    for (unsigned i = 0; i < THIEVES; i++)
        pthread_join(takers[i], NULL);
    inbox_close(&inbox);
    CHECK(inbox_put(&inbox, entry_of(0)) == -ESHUTDOWN);
    inbox_free(&inbox);
}

/* --- a pool --- */

static struct nw_pool *pool;

struct tree {
    struct nw_task task;
    unsigned depth;
    unsigned ran; /* not atomic: the waits order it */
};

static void submit(struct nw_task *task)
{
    int error;
    while ((error = nw_submit(pool, task)) == -EAGAIN)
        sched_yield();
    CHECK(error == 0);
}

static void add_up(size_t begin, size_t end, void *context)
{
    for (size_t i = begin; i < end; i++)
        ((unsigned *)context)[i]++;
}

/* A range in two halves of any size, again and again. */
struct range {
    unsigned *numbers;
    size_t begin, end;
};

static void add_range(void *context)
{
    struct range *range = context;
    size_t count = range->end - range->begin;
    if (count < 4) {
        add_up(range->begin, range->end, range->numbers);
        return;
    }
    struct range left = *range, right = *range;
    left.end = right.begin = range->begin + 1 + random_below((unsigned)count - 1);
    CHECK(nw_join(pool, add_range, &left, add_range, &right) == 0);
}

static void join_some(void)
{
    unsigned numbers[20] = {0};
    add_range(&(struct range){numbers, 0, 20});
    for (unsigned i = 0; i < 20; i++)
        CHECK(numbers[i] == 1);
}

static void grow_tree(struct nw_task *task)
{
    struct tree *tree = (struct tree *)(void *)task;
    struct tree *children =
        calloc(3, sizeof(*children)); /* freed as soon as the wait ends: nobody may touch them then */
    struct nw_group *group = calloc(1, sizeof(*group));
    CHECK(children && group);
    unsigned number = tree->depth ? random_below(4) : 0;
    for (unsigned i = 0; i < number; i++) {
        children[i] = (struct tree){.task = {.run = grow_tree, .group = group}, .depth = tree->depth - 1};
        submit(&children[i].task);
    }
    if (random_below(2))
        join_some();
    unsigned cancelled = number && random_below(3) == 0 && nw_task_cancel(&children[0].task) == 0;
    if (number && random_below(2))
        CHECK(nw_task_wait(&children[0].task) == (cancelled ? -ECANCELED : 0));
    CHECK(nw_group_wait(group, -1) == 0);
    for (unsigned i = 0; i < number; i++)
        CHECK(children[i].ran == (i || !cancelled));
    free(children);
    free(group);
    tree->ran++;
}

static void *square(void *item, void *context)
{
    (void)context;
    return (void *)((uintptr_t)item * (uintptr_t)item);
}

static void take_next(struct nw_map *map, uintptr_t *next)
{
    void *result;
    CHECK(nw_map_next(map, &result, -1) == 0);
    CHECK((uintptr_t)result == *next * *next);
    ++*next;
}

static void map_some(void)
{
    struct nw_map *map;
    uintptr_t next = 1;
    CHECK(nw_map_open(pool, square, NULL, 1 + random_below(5), &map) == 0);
    for (uintptr_t i = 1; i <= 20; i++)
        while (nw_map_push(map, (void *)i, 0) == -EAGAIN)
            if (next < i) /* else the pool's backlog is full */
                take_next(map, &next);
    nw_map_end(map);
    while (random_below(30) && next <= 20)
        take_next(map, &next);
    nw_map_close(map);
}

static void *use_pool(void *unused)
{
    for (unsigned round = 0; round < 10; round++) {
        struct tree root = {.task = {.run = grow_tree}, .depth = 4};
        unsigned numbers[100] = {0};
        submit(&root.task);
        CHECK(nw_for(pool, 0, 100, 1 + random_below(7), add_up, numbers) == 0);
        for (unsigned i = 0; i < 100; i++)
            CHECK(numbers[i] == 1);
        add_range(&(struct range){numbers, 0, 100});
        for (unsigned i = 0; i < 100; i++)
            CHECK(numbers[i] == 2);
        CHECK(nw_task_wait(&root.task) == 0);
        CHECK(root.ran == 1);
        map_some();
    }
    return unused;
}

static void a_pool_does_all(void)
{
    static const unsigned char steals[] = {NW_STEAL_ANY, NW_STEAL_NODE, NW_STEAL_OFF};
    pthread_t users[3];
    struct nw_pool_options options = {.size = sizeof(options),
                                      .workers_per_node = 1 + random_below(4),
                                      .steal = steals[random_below(3)],
                                      .spin_us = 1 + random_below(30),
                                      .backlog = 1 + random_below(8)};
    CHECK(nw_pool_open(&options, &pool) == 0);
    for (unsigned i = 0; i < 3; i++)
        start(&users[i], use_pool, NULL);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(users[i], NULL);
    CHECK(nw_pool_close(pool, -1) == 0);
}

int main(int argc, char **argv)
{
    int64_t end = clock_now() + (argc > 1 ? atoll(argv[1]) : 10) * INT64_C(1000000000);
    seed = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    unsigned rounds = 0;
    do {
        a_deque_gives_each_once();
        an_inbox_gives_each_once();
        for (unsigned i = 0; i < 5; i++)
            a_pool_does_all();
        rounds++;
    } while (clock_now() < end);
    printf("%u rounds\n", rounds);
    return 0;
}
