/*
 * process: what the arenas see of a governed process, without one: a plan for a machine with several nodes, and CPUs
 * that threads are put on by saying so. A machine with one node is enough, and a sanitizer can watch.
 */
#ifndef NODEWISE_TESTS_MODEL_PROCESS_H
#define NODEWISE_TESTS_MODEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESS_NODES 4u
#define PROCESS_CPUS  8u /* two a node: CPU c is on node c / 2 */

/* Starts the arenas; by core: the plan says arena = "core". false: no address space. */
bool process_start(bool by_core);
/* The same with two rules: 0 has a region for each node, 1 one for the process. Threads with a record choose by its rule. */
bool process_start_with_two_rules(void);

/* The calling thread runs on that CPU from now on. */
void process_run_on(uint32_t cpu);

/* The node that the block's memory is bound to, or UINT32_MAX for one of the process's region, or that is not of the arenas. */
uint32_t process_node_of(const void *block);

/* As the shim does when a thread's start routine is over. */
void process_thread_ended(void);

/* Bytes in the program's hands, as the arenas count them. No thread allocates or frees meanwhile. */
size_t process_live_bytes(void);

/* Bytes that the arenas hold from the kernel, in use or not. */
size_t process_held_bytes(void);

#endif
