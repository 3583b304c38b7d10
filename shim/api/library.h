/*
 * library: what every part of libnodewise-api.so needs to know: is the shim there, is this a forked child, may the kernel
 * be asked to place something.
 *
 * Any thread, signal-safe, unless it says otherwise.
 */
#ifndef NODEWISE_SHIM_API_LIBRARY_H
#define NODEWISE_SHIM_API_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shim/base/door.h"

/* Marks a function of nodewise.h. Everything else is hidden; libnodewise-api.map names them once more, with a version. */
#define API __attribute__((visibility("default")))

/* The shim's table, or NULL. */
const struct nodewise_door *library_door(void);

/*
 * To be called first by whatever opens something. -ECHILD: the process is a child that was forked after the parent had
 * opened something, see nodewise.h. Not signal-safe.
 */
int library_begin(void);

extern atomic_bool library_forked; /* relaxed: it is set in the only thread of the child */

static inline bool library_is_forked(void)
{
    return atomic_load_explicit(&library_forked, memory_order_relaxed);
}

/*
 * The CPUs that the process was started with, whatever its threads may use now. Returns how many words of ret_bits are
 * filled; 0: the kernel did not tell.
 */
size_t library_base_mask(uint64_t *ret_bits, size_t words);

/* The shim leaves the calling thread alone in between, see base/door.h. Not signal-safe. */
void library_hold(void);
void library_release(void);

/* As nodewise_door.take_place(); 0 without the shim. Not signal-safe. */
uint32_t library_take_place(const struct door_place *places, uint32_t count);

/* false: the process has sandboxed itself under the shim. */
bool library_may_place(void);

#endif
