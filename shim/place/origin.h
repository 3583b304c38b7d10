/*
 * origin: the library and the exported function that a code address belongs to.
 *
 * Takes no loader lock where libc offers _dl_find_object (glibc 2.35). Answers are cached by address for the life of
 * the process. Any thread; not from signal handlers, because the lock may be needed.
 */
#ifndef NODEWISE_SHIM_PLACE_ORIGIN_H
#define NODEWISE_SHIM_PLACE_ORIGIN_H

#include <stdint.h>

struct origin {
    uint16_t library, function; /* offsets in telemetry/texts.h; 0: unknown */
};

struct origin origin_of(const void *address);

#endif
