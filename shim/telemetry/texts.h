/*
 * texts: names of libraries and functions, kept once each for the life of the process, because a library can be
 * unloaded while the thread that it started lives on. Offsets are the same in the segment's string section.
 *
 * Lock-free, allocation-free, signal-safe; never shrinks. Beyond 64 KiB new texts become the empty text.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_TEXTS_H
#define NODEWISE_SHIM_TELEMETRY_TEXTS_H

#include <stddef.h>
#include <stdint.h>

uint16_t texts_keep(const char *text, size_t length); /* 0 for the empty text and when full */
const char *texts_get(uint16_t offset);               /* NULL for 0: an unknown fact */

/* Copies what is kept so far, for a segment that is new. Returns the bytes used. */
size_t texts_copy(char *ret_to, size_t size);

#endif
