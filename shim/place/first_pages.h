/*
 * first_pages: moves the pages that a program touched before its main thread got its home: the stack, the thread block,
 * and the static data that the loader has relocated and the libraries have initialised. They lie on the node where the
 * kernel started the program, and main reads and writes them all its life. `memory.stack = "local"` moves them to
 * main's home.
 *
 * The cost is one system call when all pages are in place (move_pages(2) without targets). Otherwise there are, once,
 * two calls for each 512 checked pages (memory/mover.h), and the kernel copies the misplaced ones: 200 pages of redis.
 * A program that is started often should rather stay where it was started (pick_keeps_start()).
 */
#ifndef NODEWISE_SHIM_PLACE_FIRST_PAGES_H
#define NODEWISE_SHIM_PLACE_FIRST_PAGES_H

#include <stdint.h>

#include "shim/base/thread.h"

/* Limit for the pages of static data in a process, in bytes. Further pages stay where they are. */
#define FIRST_PAGES_MOST ((size_t)8 << 20)

/*
 * The main thread calls it after it was placed. It must not run in a forked child, whose memory is also its parent's.
 * It notes the outcome for the stack and the thread block in the record. Static data is moved at the first call only.
 * errno kept.
 */
void first_pages_settle(struct thread *thread, uint32_t node);

/* The end of main's stack, without the part that the kernel filled. 0: this libc does not tell. Any thread. */
uintptr_t first_pages_stack_end(void);

#endif
