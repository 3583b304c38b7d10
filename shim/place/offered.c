#include "shim/place/offered.h"

#include <errno.h>

#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/place/board_file.h"
#include "shim/place/counted.h"
#include "shim/place/hold.h"

/* Without the board: by what this process's threads chose themselves. */
static uint64_t threads_on(uint32_t cpu, bool exchanges)
{
    return exchanges ? board_file_threads(cpu)
                     : atomic_load_explicit(&shim.occupancy.counts[cpu].pinned.all, memory_order_relaxed);
}

/* For each of its CPUs, in parts of a thread. CPUs that the plan does not know have none. */
static uint64_t threads_of(const struct door_place *place, bool exchanges)
{
    uint64_t sum = 0, cpus = 0;
    for (uint32_t i = 0; i < place->words * 64; i++) {
        uint32_t cpu = place->first_word * 64 + i;
        if (!(place->bits[i / 64] >> i % 64 & 1))
            continue;
        cpus++;
        if (cpu < shim.plan.count[PLAN_CPUS])
            sum += threads_on(cpu, exchanges);
    }
    return cpus ? sum / cpus : UINT64_MAX;
}

static uint32_t with_fewest(const struct door_place *places, uint32_t count, bool exchanges)
{
    uint32_t best = 0;
    uint64_t fewest = UINT64_MAX;
    for (uint32_t i = 0; i < count && fewest; i++) {
        uint64_t threads = threads_of(&places[i], exchanges);
        if (threads < fewest) {
            best = i;
            fewest = threads;
        }
    }
    return best;
}

static void count_on(struct thread *thread, const struct door_place *place)
{
    struct mask mask;
    if (mask_open(&mask) < 0)
        return;
    for (uint32_t i = 0; i < place->words && place->first_word + i < mask.words; i++)
        mask.bits[place->first_word + i] = place->bits[i];
    counted_there(thread, &mask);
    mask_close(&mask);
}

/* What the thread has until now is no reason to avoid it. The exchange ends with what it takes, so that processes that
 * start at once see each other. */
static uint32_t take(struct thread *thread, const struct door_place *places, uint32_t count)
{
    counted_nowhere(thread);
    bool exchanges = board_file_begin_now();
    uint32_t best = with_fewest(places, count, exchanges);
    count_on(thread, &places[best]);
    if (exchanges)
        board_file_end();
    return best;
}

uint32_t offered_take(const struct door_place *places, uint32_t count)
{
    struct thread *thread = thread_self;
    int saved = errno;
    uint32_t best = 0;
    hold_begin();
    if (thread && thread->holds && count && shim_enter()) {
        best = take(thread, places, count);
        shim_leave();
    }
    hold_end();
    errno = saved;
    return best;
}
