/*
 * placing: the only door to the kernel calls that place something. One table, so that a test can make any of
 * them fail (fault.h) and so that a call which the kernel or a filter refused is not made again: sandboxes
 * count, log or kill on repeated violations.
 *
 * All functions: any thread, signal-safe, errno kept, 0 or negative errno.
 */
#ifndef NODEWISE_SHIM_SYS_PLACING_H
#define NODEWISE_SHIM_SYS_PLACING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum placing_call {
    CALL_SCHED_SETAFFINITY,
    CALL_SCHED_GETAFFINITY,
    CALL_SET_MEMPOLICY,
    CALL_GET_MEMPOLICY,
    CALL_MBIND,
    CALL_MOVE_PAGES,
    CALL_SET_NAME,
    CALL_COUNT
};

/* tid 0: the calling thread. */
int sys_set_affinity(pid_t tid, const uint64_t *bits, size_t words);
/* *ret_words: how many the kernel filled; the rest of ret_bits is cleared. -EINVAL: the kernel's mask is larger. */
int sys_get_affinity(pid_t tid, uint64_t *ret_bits, size_t words, size_t *ret_words);

/* mode: MPOL_* of <linux/mempolicy.h>. words 0, or no node in the mask: none, as get_mempolicy(2) gives it for the
 * modes without. */
int sys_set_mempolicy(int mode, const uint64_t *nodes, size_t words);
int sys_get_mempolicy(int *ret_mode, uint64_t *ret_nodes, size_t words);

/* mbind(2) without flags: for pages that do not exist yet. start: at a page's beginning. */
int sys_bind_memory(void *start, size_t size, int mode, const uint64_t *nodes, size_t words);

/* The policy of the mapping at an address, get_mempolicy(2) with MPOL_F_ADDR. */
int sys_get_memory_at(const void *address, int *ret_mode, uint64_t *ret_nodes, size_t words);

/* get_mempolicy(2), MPOL_F_MEMS_ALLOWED: the nodes with memory that the cpuset of the process has. */
int sys_get_allowed_nodes(uint64_t *ret_nodes, size_t words);

/*
 * move_pages(2) of the process's own pages. nodes NULL: nothing is moved, ret_status tells each page's node or a
 * negative errno. Otherwise a page that could not be moved is no error of the call.
 */
int sys_move_pages(size_t count, void *const *pages, const int *nodes, int *ret_status);

/* The calling thread's name. */
int sys_set_name(const char *name);
/* Places nothing, so it is not in the table; here because prctl() itself would come back to our own. */
void sys_get_name(char ret_name[16]);

/* All calls about memory count as refused (EPERM) from now on. Start-up only. */
void placing_give_up_memory(void);

const char *placing_call_word(enum placing_call call); /* "sched_setaffinity", … */

#endif
