/*
 * thread_spec: the threads of a dry run as the user declares them.
 *
 *   'GLOB[=N]'          N threads whose names the glob matches: io_thd_*=3 are io_thd_1 … io_thd_3
 *   'KEY:VALUE[=N]'     N threads without a name of which another fact is known: start_library, start_function,
 *                       creator_library, creator_function, stack_library, stack_function
 *   'GLOB,KEY:VALUE[=N]' both, and as many facts as are known
 *   'unnamed[=N]'       N threads of which nothing is known
 *
 * A name may hold ':' and '=': what stands before a ':' is taken for a key where it looks like one, lower case with a '_'.
 */
#ifndef NODEWISE_TOOLS_PREPARE_THREAD_SPEC_H
#define NODEWISE_TOOLS_PREPARE_THREAD_SPEC_H

#include <stddef.h>

#include "policy/compile.h"

#define THREAD_SPEC_MAX 100000u /* threads of one dry run */

struct thread_list {
    struct sim_thread *threads;
    char **names; /* one for each thread, owned; threads[i].facts points into it or into the arguments */
    size_t count, capacity;
    char **texts; /* what declared facts point into */
    size_t text_count;
};

/* Begins the list with the main thread. 0 or -ENOMEM. */
int thread_list_init(struct thread_list *ret_list, const struct process_facts *process);
/* 0, -EINVAL (not of this form), -ENOKEY (a key that there is not), -ERANGE (too many), -ENOMEM. */
int thread_list_add(struct thread_list *list, const char *spec);
/* One more, with facts as they were seen; its name is copied, the other texts must outlive the list. As above. */
int thread_list_add_seen(struct thread_list *list, const struct thread_facts *facts, const char *label);
void thread_list_free(struct thread_list *list);
/* What to call a thread in a view: its name, "main", or the fact that was declared. */
const char *thread_list_label(const struct thread_list *list, size_t index);

#endif
