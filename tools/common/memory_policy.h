/*
 * memory_policy: a thread's memory policy (set_mempolicy(2)), as the library read it back and as the kernel says that
 * it is now, so that the two can be compared and printed alike.
 */
#ifndef NODEWISE_TOOLS_COMMON_MEMORY_POLICY_H
#define NODEWISE_TOOLS_COMMON_MEMORY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct memory_policy {
    int mode;        /* MPOL_*, without flags */
    unsigned flags;  /* MPOL_F_STATIC_NODES or MPOL_F_RELATIVE_NODES, or 0 */
    uint64_t nodes;  /* those below 64 */
    bool more_nodes; /* names others, too */
};

#define MEMORY_POLICY_TEXT 160 /* bytes of the longest text: 64 nodes, each alone */

/* From what get_mempolicy(2) gave: a mode with its flags, and nodes. */
struct memory_policy memory_policy_of(unsigned mode, uint64_t nodes, bool more_nodes);

/* From a line of numa_maps(5), behind the address: "prefer=static:0-1 file=…". 0, or -EPROTO: no policy known here. */
int memory_policy_parse(struct memory_policy *ret_policy, const char *text);

/*
 * Nodes that are named as static or relative are not compared: the kernel shows which ones it made of them, and reads
 * back which ones were named.
 */
bool memory_policy_equal(const struct memory_policy *a, const struct memory_policy *b);

/*
 * In the words of the policy file: "preferred:0", "bind=static:0-1", "interleave:0+" where it names others from 64 on,
 * too.
 */
void memory_policy_text(const struct memory_policy *policy, char ret_text[MEMORY_POLICY_TEXT]);

/*
 * What the kernel says now, from /proc/PID/task/TID/numa_maps: it shows the thread's policy for mappings without one of
 * their own, and the program's own file is such a mapping. Only the lines up to that one are read, because the kernel
 * holds the program's memory map and walks its pages for each line. 0; -ENODATA: there is no such line; -EPROTO; or
 * another negative errno: it takes the same user, or CAP_SYS_PTRACE, and a kernel with NUMA.
 */
int memory_policy_now(struct memory_policy *ret_policy, pid_t pid, pid_t tid);

#endif
