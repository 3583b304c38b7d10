/*
 * The checks of debug builds find what they are for: a child breaks one thing of the arenas, and must end by a trap with
 * a line that names the assertion. What is in order passes, in a forked child, too.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/arena/arena.h"
#include "shim/arena/check.h"
#include "shim/arena/fork.h"
#include "shim/arena/outbox.h"
#include "shim/arena/span.h"
#include "tests/model/entry.h"
#include "tests/model/process.h"

#define SIZE   64u
#define BLOCKS 3000u /* of that size: some pages, the last one not full */

static void *blocks[BLOCKS];

static int start(void **state)
{
    (void)state;
    if (!process_start(false))
        return 1;
    process_run_on(0);
    for (unsigned i = 0; i < BLOCKS; i++)
        blocks[i] = model_malloc(SIZE);
    void *large[] = {model_malloc(300000), model_malloc(8000000), model_malloc(500000)};
    model_free(large[1]); /* more than a heap keeps: a dirty span, of the region for large objects */
    return 0;
}

/* The child's last line and how it ended, in `ret_text`. Returns its status. */
static int in_child(void (*what)(void), char *ret_text, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    arena_fork_prepare();
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGILL, SIG_DFL); /* cmocka catches it */
        arena_fork_child();
        what();
        _exit(0);
    }
    arena_fork_parent();
    close(ends[1]);
    ssize_t length = read(ends[0], ret_text, size - 1);
    ret_text[length > 0 ? length : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void traps(void (*what)(void), const char *line)
{
    char text[400];
    int status = in_child(what, text, sizeof(text));
    if (!strstr(text, line) || !strstr(text, "assertion failed: "))
        fail_msg("\"%s\" should tell of \"%s\"", text, line);
    assert_true(WIFSIGNALED(status));
    assert_true(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP); /* x86-64; arm64 */
}

static struct page *page_with_room(void)
{
    struct page *page = page_of_block(blocks[BLOCKS - 1]);
    assert_true(heap_self->bins[page->class_number].first == page);
    return page;
}

static void with_lock(struct region *region, void (*what)(struct region *region))
{
    if (lock_take(&region->lock))
        what(region);
    lock_give(&region->lock);
}

/* --- what is in order --- */

static void work_and_check(void)
{
    arena_check();
    for (unsigned i = 0; i < BLOCKS; i++)
        model_free(blocks[i]);
    arena_trim();
    arena_check();
}

static void what_is_in_order_passes(void **state)
{
    char text[400];
    (void)state;
    arena_check();
    page_check(page_of_block(blocks[0]));
    assert_int_equal(in_child(work_and_check, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

/* --- pages --- */

static void more_blocks_than_carved(void)
{
    struct page *page = page_with_room();
    page->used = page_carved(page) + 1;
    page_check(page);
}

static void block_of_another_page_on_the_list(void)
{
    struct page *page = page_with_room();
    page->free = blocks[0];
    page_check(page);
}

static void asks_without_being_full(void)
{
    struct page *page = page_with_room();
    atomic_store(&page->remote, REMOTE_ASKS);
    page_check(page);
}

static void class_table_says_something_else(void)
{
    struct page *page = page_with_room();
    *class_entry(page) = 1;
    page_check(page);
}

static void a_broken_page_traps(void **state)
{
    (void)state;
    traps(more_blocks_than_carved, "page->used <= page_carved(page)");
    traps(block_of_another_page_on_the_list, "is_block_of(page, block)");
    traps(asks_without_being_full, "STATE_FULL");
    traps(class_table_says_something_else, "*class_entry(&page[i])");
}

/* --- heaps --- */

static struct bin *bin_in_use(void)
{
    return &heap_self->bins[class_of(SIZE)];
}

static void miscounted_bin(void)
{
    bin_in_use()->taken++;
    heap_check(heap_self);
}

static void list_without_its_last_page(void)
{
    bin_in_use()->last = NULL;
    heap_check(heap_self);
}

static void page_in_no_list(void)
{
    bin_in_use()->first = bin_in_use()->last = NULL;
    heap_check(heap_self); /* cannot see it */
    arena_check();
}

static void full_page_in_the_list(void)
{
    page_with_room()->state |= STATE_FULL;
    heap_check(heap_self);
}

static void spare_in_use(void)
{
    bin_in_use()->spare = page_of_block(blocks[0]);
    heap_check(heap_self);
}

static void kept_object_in_use(void)
{
    heap_self->cached[0] = page_of_block(blocks[0]);
    heap_check(heap_self);
}

static void batch_that_lost_a_block(void)
{
    process_run_on(PROCESS_CPUS - 1);
    model_free(model_malloc(SIZE)); /* the heap is another node's now: the blocks are remote */
    for (unsigned i = 0; i < 5; i++)
        model_free(blocks[i]);
    for (unsigned i = 0; i < OUTBOX_BATCHES; i++)
        if (heap_self->outbox[i].key)
            heap_self->outbox[i].count--;
    heap_check(heap_self);
}

static void heap_of_another_thread(void)
{
    heap_self->owner = heap_self;
    heap_check(heap_self);
}

static void a_broken_heap_traps(void **state)
{
    (void)state;
    traps(miscounted_bin, "assert_may_be_handler()");
    traps(list_without_its_last_page, "bin->last == before");
    traps(page_in_no_list, "heap_count_pages(heap) == pages");
    traps(full_page_in_the_list, "!(page->state & STATE_FULL)");
    traps(spare_in_use, "page->used == 0 && page->state == 0");
    traps(kept_object_in_use, "PAGE_CACHED");
    traps(batch_that_lost_a_block, "outbox_block(start, batch->last)");
    traps(heap_of_another_thread, "heap->owner == __builtin_thread_pointer()");
}

/* --- spans and regions --- */

static void count_a_dirty_slice_more(struct region *region)
{
    counter_add(&region->dirty, 1);
    region_check(region);
}

static void miscounted_dirty_memory(void)
{
    with_lock(heap_self->region, count_a_dirty_slice_more);
}

static void count_a_used_slice_more(struct region *region)
{
    counter_add(&region->in_use, 1);
    region->peak++;
    region_check(region);
}

static void miscounted_use(void)
{
    with_lock(heap_self->region, count_a_used_slice_more);
}

static void clear_the_map(struct region *region)
{
    memset(region->filled, 0, sizeof(region->filled));
    region_check(region);
}

static void bin_that_the_map_does_not_know(void)
{
    with_lock(heap_self->region->large, clear_the_map);
}

static void forget_the_parked_count(struct region *region)
{
    region->parked_count++;
    region_check(region);
}

static void miscounted_parked_heaps(void)
{
    with_lock(heap_self->region, forget_the_parked_count);
}

static void lose_the_end(struct region *region)
{
    struct page *page = region->oldest;
    page[page->slices - 1].back = 0;
    span_check_free(region, page);
}

static void span_without_an_end(void)
{
    with_lock(heap_self->region->large, lose_the_end);
}

static void give_it_again(struct region *region)
{
    struct page *page = region->oldest;
    span_give(region, page, page->slices, 0);
}

static void span_given_twice(void)
{
    with_lock(heap_self->region->large, give_it_again);
}

static void span_beyond_the_frontier(struct region *region)
{
    span_check_used(region, region_page(region, region->frontier));
}

static void span_that_was_never_given_out(void)
{
    with_lock(heap_self->region, span_beyond_the_frontier);
}

static void a_broken_region_traps(void **state)
{
    (void)state;
    traps(miscounted_dirty_memory, "counter_read(&region->dirty) == dirty");
    traps(miscounted_use, "counter_read(&region->in_use)");
    traps(bin_that_the_map_does_not_know, "region->filled");
    traps(miscounted_parked_heaps, "parked == region->parked_count");
    traps(span_without_an_end, "last->back == page->slices - 1");
    traps(span_given_twice, "!is_free(page_kind(page))");
    traps(span_that_was_never_given_out, "slice < region->frontier");
}

/* --- locks --- */

static void span_without_the_lock(void)
{
    bool zeroed;
    span_take(heap_self->region, 1, 1, &zeroed);
}

static void lock_given_twice(void)
{
    struct lock *lock = &heap_self->region->lock;
    if (lock_take(lock))
        lock_give(lock);
    lock_give(lock);
}

static void two_regions_locks(void)
{
    if (lock_take(&region_list[0].lock))
        lock_take(&region_list[1].lock);
}

static void fork_while_a_lock_is_held(void)
{
    if (lock_take(&region_list[2].lock))
        arena_fork_prepare();
}

static void locks_that_are_misused_trap(void **state)
{
    (void)state;
    traps(span_without_the_lock, "lock_is_mine(&region->lock)");
    traps(lock_given_twice, "lock_is_mine(lock)");
    traps(two_regions_locks, "in_order");
    traps(fork_while_a_lock_is_held, "in_order");
}

/* --- forks --- */

static void nothing(void)
{
}

/* By raw system call, from a signal handler that interrupted the holder, who goes on in the child. */
static void a_raw_fork_leaves_the_lock_to_the_code_that_it_interrupted(void **state)
{
    struct lock *lock = &heap_self->region->lock;
    char text[400];
    int status;
    (void)state;
    assert_int_equal(in_child(nothing, text, sizeof(text)), 0); /* an earlier fork, with handlers */
    assert_true(lock_take(lock));
    pid_t child = fork();
    if (child == 0) {
        arena_fork_child();
        _exit(!lock_is_mine(lock));
    }
    lock_give(lock);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Another thread was changing the region, and does not exist in the child. */
static void a_raw_fork_does_not_judge_unfinished_work(void **state)
{
    struct region *region = heap_self->region;
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        atomic_store(&region->lock.word, (uintptr_t)region); /* a thread's that is not here */
        counter_add(&region->dirty, 1);
        arena_fork_child();
        _exit(atomic_load(&region->lock.word) != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* --- signal handlers --- */

/* What a handler interrupted cannot be judged: it gets the benefit of the doubt. */
static void miscount_in_a_handler(int number)
{
    (void)number;
    miscounted_bin();
    two_regions_locks();
}

static void misuse_in_a_handler(void)
{
    signal(SIGUSR1, miscount_in_a_handler);
    raise(SIGUSR1);
}

static void a_signal_handler_is_not_judged(void **state)
{
    char text[400];
    (void)state;
    assert_int_equal(in_child(misuse_in_a_handler, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_order_passes),
        cmocka_unit_test(a_broken_page_traps),
        cmocka_unit_test(a_broken_heap_traps),
        cmocka_unit_test(a_broken_region_traps),
        cmocka_unit_test(locks_that_are_misused_trap),
        cmocka_unit_test(a_raw_fork_leaves_the_lock_to_the_code_that_it_interrupted),
        cmocka_unit_test(a_raw_fork_does_not_judge_unfinished_work),
        cmocka_unit_test(a_signal_handler_is_not_judged),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
