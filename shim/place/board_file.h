/*
 * board_file: this process's part in the board of its user (policy/board.h), the file "occupancy" of the user's folder.
 * Threads of other governed processes then count where a place is chosen (occupancy_count.others), and this process's
 * count for them.
 *
 * An exchange reads what the others have and writes what this process has, under the file's lock, so that processes that
 * start at once see each other. It costs tens of microseconds. One is made at the first choice of a process; then when it
 * has more threads than the others know of, as long as such exchanges are rare (a burst of EXCHANGES_AT_ONCE, then one
 * in EXCHANGE_EVERY_MS), or when it has a quarter more; and at a choice when the last one is REFRESH_MS ago. A program
 * that makes and joins threads in a loop has none in between. Where there is no folder, no room or no free lock, places
 * are chosen by what this process knows; without the lock, each process begins with another place of those that are equal.
 *
 * Any thread, signal-safe; nothing waits for another thread, and for other processes at most BOARD_WAIT_MS, and not again
 * until the lock was free once. errno is not kept.
 */
#ifndef NODEWISE_SHIM_PLACE_BOARD_FILE_H
#define NODEWISE_SHIM_PLACE_BOARD_FILE_H

#include <stdbool.h>
#include <stdint.h>

#define BOARD_WAIT_MS       10
#define EXCHANGES_AT_ONCE   16u
#define EXCHANGE_EVERY_MS   10u
#define EXCHANGE_REFRESH_MS 100u

/* At start-up: places are chosen by the threads of this process, and others do not learn of them. */
void board_file_do_without(void);

/*
 * Before a place is chosen. true: an exchange has begun, the file is locked and signals are blocked: the caller chooses
 * and then calls board_file_end() at once.
 */
bool board_file_begin(void);
void board_file_end(void);
/* As board_file_begin(), however many exchanges there were: for choices that cost more, such as that of a worker. */
bool board_file_begin_now(void);
/* Between board_file_begin_now() and board_file_end(): all processes' threads on a CPU of the plan, in parts. */
uint64_t board_file_threads(uint32_t cpu);

/* A thread is on other CPUs by the program's choice. */
void board_file_moved(void);
/* A thread has ended. */
void board_file_ended(void);

/* The process ends: it has nothing any more. */
void board_file_leave(void);
/* In a forked child, before anything is placed: nothing on the board is its own. */
void board_file_forked(void);

#endif
