/*
 * first_pages: what a program had touched when its main thread got its home: the stack, the thread block, the static
 * data that the loader has relocated and the libraries have initialised. It lies on the node that the kernel started
 * the program on, and main reads and writes it all its life. `memory.stack = "local"` brings it to main's home.
 *
 * Costs one system call where all is there (move_pages(2) without targets). Else, once, two for each 512 pages that
 * are looked at (mover.h), and the kernel copies what is elsewhere: 200 pages of redis. A program that is started often
 * had better stay where it is started (pick_keeps_start()).
 */
#ifndef NODEWISE_SHIM_PLACE_FIRST_PAGES_H
#define NODEWISE_SHIM_PLACE_FIRST_PAGES_H

#include <stdint.h>

#include "shim/base/thread.h"

/* Of static data, in a process. What a program has beyond stays where it is. */
#define FIRST_PAGES_MOST 2048u

/*
 * Main itself, after it was placed; never in a forked child, whose memory is its parent's as well. Notes in the record
 * how it ended for the stack and the thread block. Static data is moved the first time only. errno kept.
 */
void first_pages_settle(struct thread *thread, uint32_t node);

/* The end of main's stack, but for what the kernel has put there; 0: this libc does not tell. Any thread. */
uintptr_t first_pages_stack_end(void);

#endif
