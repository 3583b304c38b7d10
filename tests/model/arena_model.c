/*
 * arena_model: a random program against the arenas, with a shadow of what it should have.
 *
 *   arena_model [SECONDS [SEED [limits]]]          default: 2 seconds, seed 1
 *
 * Threads begin, run on CPUs of four nodes, move between them, allocate, resize, exchange and free blocks of all sizes,
 * also whole piles of equal ones that another thread frees at once, and end; some only free. The shadow knows each
 * block's place, size and bytes. A mistake is a block that overlaps another, is not on the node that its thread ran on,
 * is not aligned or zero as asked, lost its bytes when it moved, or is still counted when all is freed. The first one
 * ends the program with its step and seed; the address and thread sanitizers look on when they are built in. With
 * "limits", RLIMIT_DATA is set and raised again all the time, to more than the program needs.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "shim/arena/arena.h"
#include "shim/arena/away.h"
#include "shim/arena/check.h"
#include "shim/arena/idle.h"
#include "shim/arena/limits.h"
#include "shim/base/page_size.h"
#include "tests/model/entry.h"
#include "tests/model/process.h"

#define SLOTS   400u
#define THREADS 4u
#define STEPS   4000u /* of one thread's life */
#define LARGEST 3000000u
#define PILES   8u
#define HIGHEST 6000u /* blocks of a pile */
#define CHECKED 100u  /* steps of a thread between two checks of everything, in debug builds */

/* What the program holds there. */
struct slot {
    pthread_mutex_t lock;
    unsigned char *block;
    size_t size;
    unsigned char mark;
};

struct life {
    uint64_t random;
    uint32_t cpu;
    unsigned long step;
};

/* Blocks of one size, which fill whole pages of the thread that makes them. */
struct pile {
    pthread_mutex_t lock;
    unsigned char *blocks[HIGHEST];
    size_t count, size;
    unsigned char mark;
};

static struct slot slots[SLOTS];
static struct pile piles[PILES];
static _Atomic unsigned long lives, steps;
static uint64_t seed = 1;
static bool changes_limits;

static _Noreturn void fail(const struct life *life, const char *what, size_t got, size_t wanted)
{
    fprintf(stderr, "arena_model: seed %lu, step %lu on CPU %u: %s (%zu, should be %zu)\n", (unsigned long)seed,
            life->step, life->cpu, what, got, wanted);
    abort();
}

static uint64_t next_random(struct life *life)
{
    life->random ^= life->random << 13; /* xorshift64, Marsaglia 2003 */
    life->random ^= life->random >> 7;
    life->random ^= life->random << 17;
    return life->random;
}

/* Mostly small, sometimes a page or a slice, seldom many of them. */
static size_t random_size(struct life *life)
{
    static const uint32_t limits[16] = {64,  64,   64,   64,   256,  256,   256,   256,
                                        256, 1024, 1024, 4096, 9000, 33000, 70000, 150000};
    uint64_t random = next_random(life);
    return random / 256 % (random % 256 == 15 ? LARGEST : limits[random % 16]);
}

/* --- the shadow --- */

/* Large blocks are looked at in steps; their first and last bytes always. */
static size_t step_of(size_t size)
{
    return size > 20000 ? 1021 : 1;
}

static unsigned char byte_at(unsigned char mark, size_t place)
{
    return (unsigned char)(mark + place + (place >> 12));
}

static void write_bytes(unsigned char *block, size_t size, unsigned char mark)
{
    for (size_t i = 0; i < size; i += step_of(size))
        block[i] = byte_at(mark, i);
    if (size)
        block[size - 1] = byte_at(mark, size - 1);
}

/* The first `upto` bytes of what was written when the block had `size`. */
static void check_bytes(const struct life *life, const unsigned char *block, size_t size, size_t upto,
                        unsigned char mark)
{
    for (size_t i = 0; i < upto; i += step_of(size))
        if (block[i] != byte_at(mark, i))
            fail(life, "a byte was changed by another thread", block[i], byte_at(mark, i));
    if (size && upto == size && block[size - 1] != byte_at(mark, size - 1))
        fail(life, "the last byte was changed by another thread", block[size - 1], byte_at(mark, size - 1));
}

static void check_zero(const struct life *life, const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i])
            fail(life, "calloc gave a byte that is not zero", block[i], 0);
}

static void check_place(const struct life *life, const unsigned char *block, size_t size, size_t alignment)
{
    if (!block)
        fail(life, "no memory", 0, size);
    if ((uintptr_t)block % alignment)
        fail(life, "not aligned", (uintptr_t)block % alignment, 0);
    if (process_node_of(block) != life->cpu / 2)
        fail(life, "on a wrong node", process_node_of(block), life->cpu / 2);
    if (model_malloc_usable_size((void *)block) < size)
        fail(life, "the usable size is too small", model_malloc_usable_size((void *)block), size);
}

/* --- what the program does --- */

static void allocate(struct life *life, struct slot *slot)
{
    size_t size = random_size(life), alignment = 16;
    void *block = NULL;
    switch (next_random(life) % 6) {
    case 0:
        block = model_calloc(1, size);
        break;
    case 1:
        alignment = (size_t)16 << next_random(life) % 14;
        if (model_posix_memalign(&block, alignment, size) != 0)
            block = NULL;
        break;
    case 2:
        alignment = page_size();
        block = size % 2 ? model_pvalloc(size) : model_valloc(size);
        break;
    default:
        block = model_malloc(size);
    }
    check_place(life, block, size, alignment);
    slot->block = block;
    slot->size = size;
    slot->mark = (unsigned char)next_random(life);
    write_bytes(slot->block, size, slot->mark);
}

static void allocate_zeroed(struct life *life, struct slot *slot)
{
    size_t size = random_size(life);
    slot->block = model_calloc(size, 1);
    check_place(life, slot->block, size, 16);
    check_zero(life, slot->block, size);
    slot->size = size;
    slot->mark = (unsigned char)next_random(life);
    write_bytes(slot->block, size, slot->mark);
}

static void resize(struct life *life, struct slot *slot)
{
    size_t size = next_random(life) % 2 ? random_size(life) : slot->size + slot->size / 4 + 16;
    unsigned char *block;
    if (size > 2 * LARGEST || !size)
        size = 100;
    block = model_realloc(slot->block, size);
    if (!block)
        fail(life, "no memory for a resized block", 0, size);
    check_bytes(life, block, slot->size, slot->size < size ? slot->size : size, slot->mark);
    if (process_node_of(block) == UINT32_MAX)
        fail(life, "a resized block left the arenas", 0, size);
    slot->block = block;
    slot->size = size;
    write_bytes(block, size, slot->mark);
}

static void release(struct life *life, struct slot *slot)
{
    check_bytes(life, slot->block, slot->size, slot->size, slot->mark);
    model_free(slot->block);
    slot->block = NULL;
}

static void heap_up(struct life *life, struct pile *pile)
{
    pile->size = 16 + (size_t)(next_random(life) % 24) * 32;
    pile->mark = (unsigned char)next_random(life);
    for (pile->count = 0; pile->count < HIGHEST; pile->count++) {
        unsigned char *block = model_malloc(pile->size);
        check_place(life, block, pile->size, 16);
        write_bytes(block, pile->size, pile->mark);
        pile->blocks[pile->count] = block;
    }
}

static void clear_away(struct life *life, struct pile *pile)
{
    for (; pile->count; pile->count--) {
        check_bytes(life, pile->blocks[pile->count - 1], pile->size, pile->size, pile->mark);
        model_free(pile->blocks[pile->count - 1]);
    }
}

static void change_a_pile(struct life *life)
{
    struct pile *pile = &piles[next_random(life) % PILES];
    pthread_mutex_lock(&pile->lock);
    if (pile->count)
        clear_away(life, pile);
    else
        heap_up(life, pile);
    pthread_mutex_unlock(&pile->lock);
}

static _Atomic unsigned long moves;

/* As the worker does, but for the move itself: users of another node have some of it. */
static void move_after_users(struct life *life)
{
    struct pile *pile = &piles[next_random(life) % PILES];
    struct away away;
    pthread_mutex_lock(&pile->lock);
    uintptr_t address = pile->count ? (uintptr_t)pile->blocks[next_random(life) % pile->count] : 0;
    pthread_mutex_unlock(&pile->lock);
    if (address && away_covers(address) && away_find(address & ~((uintptr_t)SLICE_SIZE - 1), &away) && away_mark(&away))
        moves += away_check(&away);
}

/*
 * Short regions, and later lean ones. The limit on address space need not come: what a process has mapped can be above
 * it, but not in a sanitizer's build.
 */
static void change_limit(struct life *life)
{
    struct rlimit limit;
    if (next_random(life) % 4) {
        limits_expected(true);
        return;
    }
    limits_make_room();
    getrlimit(RLIMIT_DATA, &limit);
    limit.rlim_cur = next_random(life) % 2 ? (rlim_t)1 << 60 : limit.rlim_max; /* sanitizers map terabytes */
    if (limit.rlim_cur != RLIM_INFINITY)
        limits_expected(false);
    setrlimit(RLIMIT_DATA, &limit);
    limits_look();
}

/* As the worker does, one thread at a time. */
static void look_at_idle_memory(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    idle_look();
    pthread_mutex_unlock(&lock);
}

static void take_a_step(struct life *life)
{
    struct slot *slot = &slots[next_random(life) % SLOTS];
    uint64_t what = next_random(life) % 64;
    if (what == 0) {
        life->cpu = (uint32_t)(next_random(life) % PROCESS_CPUS);
        process_run_on(life->cpu);
    }
    pthread_mutex_lock(&slot->lock);
    if (!slot->block && what % 8 == 1)
        allocate_zeroed(life, slot);
    else if (!slot->block)
        allocate(life, slot);
    else if (what < 20)
        resize(life, slot);
    else
        release(life, slot);
    pthread_mutex_unlock(&slot->lock);
    if (next_random(life) % 400 == 0)
        change_a_pile(life);
    if (next_random(life) % 200 == 0)
        move_after_users(life);
    if (next_random(life) % 5000 == 0)
        arena_trim();
    if (next_random(life) % 1000 == 0)
        look_at_idle_memory();
    if (changes_limits && next_random(life) % 500 == 0)
        change_limit(life);
    if (life->step % CHECKED == 0)
        arena_check();
}

static void only_free(struct life *life)
{
    struct slot *slot = &slots[next_random(life) % SLOTS];
    struct pile *pile = &piles[next_random(life) % PILES];
    pthread_mutex_lock(&slot->lock);
    if (slot->block)
        release(life, slot);
    pthread_mutex_unlock(&slot->lock);
    if (next_random(life) % 100)
        return;
    pthread_mutex_lock(&pile->lock);
    clear_away(life, pile);
    pthread_mutex_unlock(&pile->lock);
}

/* One thread's life. Some go on allocating after the shim was told of the end, as destructors do. */
static void *live(void *argument)
{
    struct life life = {.random = *(uint64_t *)argument, .cpu = (uint32_t)(*(uint64_t *)argument % PROCESS_CPUS)};
    bool ends_early = life.random % 3 == 0, frees = life.random % 5 == 0;
    process_run_on(life.cpu);
    for (; life.step < STEPS; life.step++) {
        if (ends_early && life.step == STEPS - 20)
            process_thread_ended();
        if (frees)
            only_free(&life);
        else
            take_a_step(&life);
    }
    if (!ends_early)
        process_thread_ended();
    atomic_fetch_add(&steps, life.step);
    atomic_fetch_add(&lives, 1);
    return NULL;
}

/* --- all of it --- */

static size_t held_bytes(void)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].block)
            bytes += model_malloc_usable_size(slots[i].block);
    for (unsigned i = 0; i < PILES; i++)
        for (size_t block = 0; block < piles[i].count; block++)
            bytes += model_malloc_usable_size(piles[i].blocks[block]);
    return bytes;
}

static void run_generation(uint64_t number)
{
    const struct life life = {.step = number};
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = (seed * 1000003 + number * THREADS + i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        if (pthread_create(&threads[i], NULL, live, &seeds[i]) != 0)
            fail(&life, "pthread_create", i, THREADS);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    arena_check();
    if (process_live_bytes() != held_bytes())
        fail(&life, "between generations, the arenas count other bytes than the program holds", process_live_bytes(),
             held_bytes());
}

static void free_everything(void)
{
    struct life life = {0};
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].block)
            release(&life, &slots[i]);
    for (unsigned i = 0; i < PILES; i++)
        clear_away(&life, &piles[i]);
    process_thread_ended();
    arena_trim();
    if (process_live_bytes() != 0)
        fail(&life, "bytes are counted as live when all is freed", process_live_bytes(), 0);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 2;
    time_t end = time(NULL) + (time_t)seconds;
    uint64_t generation = 0;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    changes_limits = argc > 3;
    if (!process_start(seed % 2 == 0)) {
        fputs("arena_model: no address space for the arenas\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < SLOTS; i++)
        pthread_mutex_init(&slots[i].lock, NULL);
    for (unsigned i = 0; i < PILES; i++)
        pthread_mutex_init(&piles[i].lock, NULL);
    do
        run_generation(generation++);
    while (time(NULL) < end);
    free_everything();
    printf("%lu steps of %lu threads, %lu moves, no mistake\n", (unsigned long)steps, (unsigned long)lives,
           (unsigned long)moves);
    return 0;
}
