#include "shim/api/library.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "shim/api/cpus.h"
#include "shim/sys/placing.h"

/* Without the shim its address is NULL: no symbol has to be looked up, in no signal handler either. */
extern const struct nodewise_door nodewise_door __attribute__((weak, visibility("default")));

static pthread_once_t watched = PTHREAD_ONCE_INIT;
atomic_bool library_forked;

const struct nodewise_door *library_door(void)
{
    return &nodewise_door;
}

static void note_fork(void)
{
    atomic_store_explicit(&library_forked, true, memory_order_relaxed);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, note_fork);
}

int library_begin(void)
{
    int saved = errno;
    pthread_once(&watched, watch_forks);
    errno = saved;
    return library_is_forked() ? -ECHILD : 0;
}

bool library_may_place(void)
{
    const struct nodewise_door *door = library_door();
    return !door || !DOOR_HAS(door, may_place) || door->may_place();
}

void library_hold(void)
{
    const struct nodewise_door *door = library_door();
    if (door && DOOR_HAS(door, release))
        door->hold();
}

void library_release(void)
{
    const struct nodewise_door *door = library_door();
    if (door && DOOR_HAS(door, release))
        door->release();
}

/* --- the process's CPUs --- */

static uint64_t start_mask[CPUS_MAX / 64]; /* of the thread that loaded the library, which is main in most programs */
static size_t start_words;

__attribute__((constructor)) static void note_start(void)
{
    sys_get_affinity(0, start_mask, CPUS_MAX / 64, &start_words);
}

uint32_t library_take_place(const struct door_place *places, uint32_t count)
{
    const struct nodewise_door *door = library_door();
    return door && DOOR_HAS(door, take_place) ? door->take_place(places, count) : 0;
}

size_t library_base_mask(uint64_t *ret_bits, size_t words)
{
    const struct nodewise_door *door = library_door();
    if (door && DOOR_HAS(door, base_mask) && door->base_mask(ret_bits, words))
        return words;
    size_t known = start_words < words ? start_words : words;
    memcpy(ret_bits, start_mask, known * sizeof(*ret_bits));
    return known;
}
