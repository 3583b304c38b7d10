/*
 * Every interleaving of the pool's idle workers with those that add work (shim/api/pool/sleep.c): no wake-up is missed.
 *
 * The code is the pool's own. Each thread is a coroutine that stops before each of its accesses to what others see
 * (step()). A state is what the threads share and the used part of their stacks; from each state each thread makes its
 * next step, and states that were seen before are left. In an end state no thread can go on: then no work may be left.
 *
 *   wake_model [all|broken]     all: also those that take half a minute; broken: workers do not look again after they have announced their sleep; must be found out
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "shim/api/pool/futex.h"
#include "shim/api/pool/sleep.h"

enum { MOST = 4, STACK = 16384, MARGIN = 256, FIRST = 512, SEEN = 1 << 22, DEEPEST = 100000 };

struct thread {
    ucontext_t context;
    bool ended;
    uintptr_t bottom;         /* of its stack, while it stands in step(); 0: it has not begun */
    const atomic_uint *waits; /* blocked in the kernel on that word */
    unsigned adds;            /* 0: a worker */
};

/* All that a state consists of, beside the stacks. */
static struct machine {
    struct sleepers sleepers;
    int work, done, idle;
    struct thread threads[MOST];
} machine;

static char stacks[MOST][STACK] __attribute__((aligned(64)));
static unsigned count, current;
static ucontext_t scheduler;
static bool broken;

/* The registers that a call keeps go to the stack first, so that it holds all of the thread. */
void step(void)
{
    __builtin_unwind_init();
    machine.threads[current].bottom = (uintptr_t)memset(__builtin_alloca(16), 0, 16);
    swapcontext(&machine.threads[current].context, &scheduler);
}

int futex_wait_for(bool is_private, atomic_uint *word, unsigned value, int64_t deadline)
{
    (void)is_private;
    (void)deadline;
    step();
    if (*word != value)
        return 0;
    machine.threads[current].waits = word;
    step();
    return 0;
}

void futex_wake_for(bool is_private, atomic_uint *word, int number)
{
    (void)is_private;
    step();
    for (unsigned i = 0; i < count && number > 0; i++)
        if (machine.threads[i].waits == word) {
            machine.threads[i].waits = NULL;
            number--;
        }
}

/* --- what worker.c and pool.c do --- */

static bool take(void)
{
    step();
    if (!machine.work)
        return false;
    machine.work--;
    return true;
}

static bool sees_work(void)
{
    step();
    return machine.work > 0;
}

static void wake(void)
{
    step();
    if (machine.idle)
        sleep_wake(&machine.sleepers);
}

static void find_work(void)
{
    sleep_begin_search(&machine.sleepers);
    step();
    machine.idle++;
    while (!take()) {
        sleep_announce(&machine.sleepers);
        bool sees = !broken && sees_work();
        if (!sees || !sleep_take_back(&machine.sleepers))
            sleep_wait(&machine.sleepers);
    }
    step();
    machine.idle--;
    if (sleep_end_search(&machine.sleepers) && sees_work())
        wake();
}

static void run_thread(void)
{
    unsigned adds = machine.threads[current].adds;
    for (unsigned i = 0; i < adds; i++) {
        step();
        machine.work++;
        wake();
    }
    while (!adds) {
        if (!take())
            find_work();
        machine.done++;
    }
    machine.threads[current].ended = true;
    step();
}

/* --- the search --- */

struct state {
    struct machine machine;
    size_t used[MOST];
    char *stacks; /* the used parts, one after the other */
};

static uint64_t seen[SEEN]; /* an open hash of hashes */
static unsigned long states;

static size_t used_of(unsigned thread)
{
    uintptr_t bottom = machine.threads[thread].bottom;
    return bottom ? (uintptr_t)stacks[thread] + STACK - bottom : 0;
}

/* With what swapcontext() itself has below step(). */
static size_t kept_of(unsigned thread)
{
    size_t used = used_of(thread);
    return used ? used + MARGIN : FIRST;
}

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_now(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = mix(hash, &machine.sleepers.state, sizeof(machine.sleepers.state));
    hash = mix(hash, &machine.sleepers.permits, sizeof(machine.sleepers.permits));
    const int numbers[] = {machine.work, machine.done, machine.idle};
    hash = mix(hash, numbers, sizeof(numbers));
    for (unsigned i = 0; i < count; i++) {
        const struct thread *thread = &machine.threads[i];
        hash = mix(hash, &thread->waits, sizeof(thread->waits));
        hash = mix(hash, stacks[i] + STACK - used_of(i), used_of(i));
    }
    return hash ? hash : 1;
}

static bool is_new(uint64_t hash)
{
    size_t at = hash % SEEN;
    while (seen[at] && seen[at] != hash)
        at = (at + 1) % SEEN;
    if (seen[at])
        return false;
    if (++states > SEEN / 2) {
        fprintf(stderr, "more states than there is room for\n");
        exit(2);
    }
    seen[at] = hash;
    return true;
}

static void keep(struct state *state)
{
    size_t total = 0, at = 0;
    state->machine = machine;
    for (unsigned i = 0; i < count; i++)
        total += state->used[i] = kept_of(i);
    state->stacks = malloc(total);
    if (!state->stacks)
        abort();
    for (unsigned i = 0; i < count; at += state->used[i++])
        memcpy(state->stacks + at, stacks[i] + STACK - state->used[i], state->used[i]);
}

static void bring_back(const struct state *state)
{
    size_t at = 0;
    machine = state->machine;
    for (unsigned i = 0; i < count; at += state->used[i++])
        memcpy(stacks[i] + STACK - state->used[i], state->stacks + at, state->used[i]);
}

static bool can_go(unsigned thread)
{
    return !machine.threads[thread].ended && !machine.threads[thread].waits;
}

/* Workers sleep, nothing is left, and the counts say so. */
static bool is_fine(unsigned workers)
{
    return machine.work == 0 && machine.sleepers.state == workers && machine.sleepers.permits == 0 &&
           machine.idle == (int)workers;
}

/* true: an end state with work left was found. */
static bool explore(unsigned workers)
{
    static struct state path[DEEPEST];
    static unsigned next[DEEPEST];
    unsigned depth = 0;
    keep(&path[0]);
    next[0] = 0;
    for (;;) {
        unsigned thread = next[depth];
        if (thread == count) {
            bring_back(&path[depth]);
            bool is_end = true;
            for (unsigned i = 0; i < count; i++)
                is_end = is_end && !can_go(i);
            if (is_end && !is_fine(workers))
                return true;
            free(path[depth].stacks);
            if (depth-- == 0)
                return false;
            continue;
        }
        next[depth]++;
        bring_back(&path[depth]);
        if (!can_go(thread))
            continue;
        current = thread;
        swapcontext(&scheduler, &machine.threads[thread].context);
        if (!is_new(hash_now()))
            continue;
        if (++depth == DEEPEST)
            abort();
        keep(&path[depth]);
        next[depth] = 0;
    }
}

static bool try_it(unsigned workers, unsigned adders, unsigned each)
{
    memset(&machine, 0, sizeof(machine));
    memset(stacks, 0, sizeof(stacks));
    memset(seen, 0, sizeof(seen));
    states = 0;
    count = workers + adders;
    for (unsigned i = 0; i < count; i++) {
        struct thread *thread = &machine.threads[i];
        thread->adds = i < workers ? 0 : each;
        getcontext(&thread->context);
        thread->context.uc_stack.ss_sp = stacks[i];
        thread->context.uc_stack.ss_size = STACK;
        makecontext(&thread->context, run_thread, 0);
    }
    bool found = explore(workers);
    printf("%u workers, %u adders of %u: %lu states%s\n", workers, adders, each, states, found ? ", WORK LEFT" : "");
    return found;
}

int main(int argc, char **argv)
{
    static const unsigned cases[][3] = {{1, 1, 1}, {1, 1, 3}, {1, 2, 2}, {2, 1, 1},
                                        {2, 1, 2}, {2, 1, 3}, {2, 2, 1}, {3, 1, 1}};
    size_t number = sizeof(cases) / sizeof(*cases) - (argc > 1 && strcmp(argv[1], "all") == 0 ? 0 : 3);
    bool found = false;
    broken = argc > 1 && strcmp(argv[1], "broken") == 0;
    for (size_t i = 0; i < number; i++)
        found |= try_it(cases[i][0], cases[i][1], cases[i][2]);
    return found != broken;
}
