/*
 * placing: the only way from the shim to the kernel calls that place something. All calls go through one table for two
 * reasons: a test can make any of them fail (fault.h), and a call that the kernel or a filter has refused is not made
 * again. Sandboxes count, log or kill on repeated violations.
 *
 * All functions: any thread, signal-safe, errno kept. They return 0 or a negative errno.
 */
#ifndef NODEWISE_SHIM_SYS_PLACING_H
#define NODEWISE_SHIM_SYS_PLACING_H

#include <stdbool.h>
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

#define EPRETENDED 4096 /* as an errno: no answer of the kernel or a filter, which end at 4095 */

/* Whether calls that place something are left out from now on: -EPRETENDED. Questions are still asked. */
void placing_pretend(bool pretends);

/* tid 0 means the calling thread. */
int sys_set_affinity(pid_t tid, const uint64_t *bits, size_t words);
/*
 * *ret_words: the number of words that the kernel filled; the rest of ret_bits is cleared. -EINVAL: the kernel's mask
 * is larger than `words`.
 */
int sys_get_affinity(pid_t tid, uint64_t *ret_bits, size_t words, size_t *ret_words);

/*
 * mode: MPOL_* of <linux/mempolicy.h>. words 0, or a mask without a node, passes no mask. get_mempolicy(2) returns an
 * empty mask for modes without nodes.
 */
int sys_set_mempolicy(int mode, const uint64_t *nodes, size_t words);
int sys_get_mempolicy(int *ret_mode, uint64_t *ret_nodes, size_t words);

/* mbind(2) without flags, which affects only pages that do not exist yet. start: page-aligned. */
int sys_bind_memory(void *start, size_t size, int mode, const uint64_t *nodes, size_t words);

/* get_mempolicy(2) with MPOL_F_ADDR: the memory policy of the mapping at an address. */
int sys_get_memory_at(const void *address, int *ret_mode, uint64_t *ret_nodes, size_t words);

/* get_mempolicy(2) with MPOL_F_MEMS_ALLOWED: the nodes with memory in the cpuset of the process. */
int sys_get_allowed_nodes(uint64_t *ret_nodes, size_t words);

/*
 * move_pages(2) for pages of this process. nodes NULL: moves nothing; ret_status receives each page's node or a
 * negative errno. Otherwise a page that could not be moved does not make the call fail.
 */
int sys_move_pages(size_t count, void *const *pages, const int *nodes, int *ret_status);

/* Sets the calling thread's name. */
int sys_set_name(const char *name);
/* Places nothing and is therefore not in the table. It is here because the shim takes prctl() over. */
void sys_get_name(char ret_name[16]);

const char *placing_call_word(enum placing_call call); /* "sched_setaffinity", … */

#endif
