/*
 * origin: which library and which exported function a code address belongs to.
 *
 * Takes no loader lock where libc offers _dl_find_object (glibc 2.35); the answers are kept by address. Any
 * thread; not from signal handlers (dladdr may be needed).
 */
#ifndef NODEWISE_SHIM_PLACE_ORIGIN_H
#define NODEWISE_SHIM_PLACE_ORIGIN_H

#include <stdint.h>

struct origin {
    uint16_t library, function; /* texts.h; 0: not known */
};

struct origin origin_of(const void *address);

#endif
