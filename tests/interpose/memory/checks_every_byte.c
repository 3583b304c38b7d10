/* Threads allocate, grow, shrink, exchange and free blocks of all sizes at random; each block's bytes say whose it is
 * and are looked at before it is freed or moved: memory that was given out twice, or is not zero where it must be,
 * shows.
 *
 *   checks_every_byte [locked-in]     locked-in: in a child of a process that may get no new privileges any more */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS   600u
#define THREADS 4u
#define STEPS   120000u

struct block {
    size_t size;
    uint64_t mark;
};

static _Atomic(struct block *) slots[SLOTS]; /* header and bytes in one block */
static _Atomic unsigned long bad;

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 20;
}

static size_t random_size(uint64_t *state)
{
    uint64_t random = next_random(state);
    switch (random % 32) {
    case 0:
        return sizeof(struct block) + random / 32 % 3000000;
    case 1:
    case 2:
        return sizeof(struct block) + random / 32 % 100000;
    case 3:
    case 4:
    case 5:
        return sizeof(struct block) + random / 32 % 9000;
    default:
        return sizeof(struct block) + random / 32 % 700;
    }
}

/* Large blocks are looked at in steps: each page, and each beginning of one, counts. */
static size_t step_of(size_t size)
{
    return size > 20000 ? 509 : 1;
}

static void fill(struct block *block, size_t size, uint64_t mark)
{
    unsigned char *bytes = (unsigned char *)block;
    block->size = size;
    block->mark = mark;
    for (size_t i = sizeof(*block); i < size; i += step_of(size))
        bytes[i] = (unsigned char)(mark + i);
}

static void check(const struct block *block, size_t upto)
{
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t i = sizeof(*block); i < upto; i += step_of(block->size))
        if (bytes[i] != (unsigned char)(block->mark + i)) {
            bad++;
            return;
        }
}

static struct block *make(uint64_t *state)
{
    size_t size = random_size(state);
    struct block *block = NULL;
    void *aligned;
    switch (next_random(state) % 4) {
    case 0:
        block = calloc(1, size);
        for (size_t i = 0; i < size; i++)
            if (((unsigned char *)block)[i]) {
                bad++;
                break;
            }
        break;
    case 1:
        if (posix_memalign(&aligned, (size_t)16 << next_random(state) % 14, size) == 0)
            block = aligned;
        break;
    default:
        block = malloc(size);
    }
    if (!block || malloc_usable_size(block) < size)
        abort();
    fill(block, size, next_random(state));
    return block;
}

static struct block *resize(struct block *block, uint64_t *state)
{
    size_t old = block->size, size = random_size(state);
    if (next_random(state) % 2)
        size = old + old / 4 + 16; /* as a buffer that grows */
    check(block, old);
    uint64_t mark = block->mark;
    block = realloc(block, size);
    if (!block)
        abort();
    block->size = old; /* the steps of the old size */
    check(block, old < size ? old : size);
    fill(block, size, mark);
    return block;
}

static void *work(void *argument)
{
    uint64_t state = *(uint64_t *)argument;
    for (unsigned i = 0; i < STEPS; i++) {
        _Atomic(struct block *) *slot = &slots[next_random(&state) % SLOTS];
        struct block *block = atomic_exchange(slot, NULL);
        if (!block) {
            block = make(&state);
        } else if (next_random(&state) % 3 == 0 && block->size < 4000000) {
            block = resize(block, &state);
        } else {
            check(block, block->size);
            free(block);
            block = NULL;
        }
        block = atomic_exchange(slot, block);
        if (block) {
            check(block, block->size);
            free(block);
        }
        if (i % 20000 == 0)
            malloc_trim(0);
    }
    return NULL;
}

static int work_in_threads(void)
{
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        pthread_create(&threads[i], NULL, work, &seeds[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct block *block = slots[i];
        if (block)
            check(block, block->size);
        free(block);
    }
    printf("%lu bad blocks\n", (unsigned long)bad);
    return bad != 0;
}

static int work_in_child(void)
{
    int status;
    pid_t child;
    free(malloc(100)); /* there is a heap before there is a child */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || (child = fork()) < 0)
        return 2;
    if (child == 0)
        return work_in_threads();
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        puts("killed");
        return 1;
    }
    return WEXITSTATUS(status);
}

int main(int count, char **arguments)
{
    return count > 1 && strcmp(arguments[1], "locked-in") == 0 ? work_in_child() : work_in_threads();
}
