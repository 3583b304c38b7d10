/*
 * texts: names of libraries and functions, each stored once for the life of the process. A copy is needed because a
 * library can be unloaded while a thread that it started still lives. The offsets are the same in the segment's string
 * section.
 *
 * Lock-free, allocation-free, signal-safe. The store never shrinks. When its 64 KiB are full, new texts become the
 * empty text.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_TEXTS_H
#define NODEWISE_SHIM_TELEMETRY_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint16_t texts_keep(const char *text, size_t length); /* 0 for the empty text and when the store is full */
const char *texts_get(uint16_t offset);               /* NULL for 0: an unknown fact */

/* Is any text stored? */
bool texts_exist(void);

/*
 * Copies the texts to a new segment, which other threads write theirs to from now on: each text is copied here or written
 * by its thread, or both. One that is not complete yet is its thread's. Returns where the last of them ends; 0: none.
 */
size_t texts_copy(char *ret_to, size_t size);

#endif
