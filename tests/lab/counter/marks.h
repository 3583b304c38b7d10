/*
 * marks: how a program in the guest talks to the counter: by stores to pages at fixed addresses, which the counter sees
 * among all others. Without the counter they are stores to ordinary memory.
 */
#ifndef NODEWISE_TESTS_LAB_COUNTER_MARKS_H
#define NODEWISE_TESTS_LAB_COUNTER_MARKS_H

#include <stdint.h>

#define MARK_PAGE  UINT64_C(0x6e0de0000000) /* its first words: */
#define MARK_START (MARK_PAGE + 0)          /* counting begins */
#define MARK_STOP  (MARK_PAGE + 8)          /* and ends */
#define MARK_BAD   (MARK_PAGE + 16)         /* the guest could not be asked about its nodes */
#define MARK_LOOK  (MARK_PAGE + 24)         /* what was counted so far is kept, see `looks` */
/* The n-th page of these was bound to node n: the store shows where that node's memory is. */
#define MARK_NODES (MARK_PAGE + 0x10000)
#define MARK_STEP  UINT64_C(0x10000) /* no kernel has larger pages */
#define MARK_MOST  64u               /* nodes */

static inline void mark_store(uint64_t address)
{
    *(volatile char *)(uintptr_t)address = 1;
}

/*
 * Code at these addresses is the laboratory's own and not counted: the wrapper that starts the program, and clients
 * that give it work. They are linked there (-Wl,-Ttext-segment), without libraries of their own.
 */
#define OWN_CODE_START UINT64_C(0x10000000)
#define OWN_CODE_END   UINT64_C(0x20000000)

#endif
