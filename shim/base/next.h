/*
 * next: the functions behind those that the shim takes over, bound with dlsym(RTLD_NEXT). All versions that libc has
 * and all other interposing objects stay in the chain.
 *
 * next_bind() is idempotent. The malloc family binds each symbol at its first forwarded call (NEXT_OR_BIND()). Relaxed
 * atomics suffice because all writers store the same values. The table lives as long as the process.
 */
#ifndef NODEWISE_SHIM_BASE_NEXT_H
#define NODEWISE_SHIM_BASE_NEXT_H

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/types.h>
#include <threads.h>
#include <time.h>

#include "shim/base/common.h"

#define SYMBOL(result, name, ...) typedef result next_##name(__VA_ARGS__);
#include "shim/base/symbols.def"
#undef SYMBOL
/* the shim calls this function but does not take it over */
typedef int next_pthread_attr_getaffinity_np(const pthread_attr_t *, size_t, cpu_set_t *);

struct next {
    _Atomic(next_pthread_attr_getaffinity_np *) pthread_attr_getaffinity_np;
#define SYMBOL(result, name, ...) _Atomic(next_##name *) name;
#include "shim/base/symbols.def"
#undef SYMBOL
};

extern struct next next_table __attribute__((visibility("hidden")));

void next_bind(void);

/* dlsym(RTLD_NEXT, name). NULL: no object behind the shim has the symbol. */
void *next_find(const char *name);

#define NEXT(name) atomic_load_explicit(&next_table.name, memory_order_relaxed)

/* The function behind the shim's, looked up at its first use. NULL: no object has it. */
#define NEXT_OR_BIND(name)                                                                                             \
    ({                                                                                                                 \
        next_##name *found_ = NEXT(name);                                                                              \
        if (UNLIKELY(!found_)) {                                                                                       \
            found_ = (next_##name *)next_find(#name);                                                                  \
            atomic_store_explicit(&next_table.name, found_, memory_order_relaxed);                                     \
        }                                                                                                              \
        found_;                                                                                                        \
    })

/*
 * Calls the function behind the shim's with `arguments`, which are in parentheses. -1 and ENOSYS where no object has
 * it.
 */
#define NEXT_OR_ENOSYS(name, arguments)                                                                                \
    ({                                                                                                                 \
        next_##name *next_ = NEXT_OR_BIND(name);                                                                       \
        next_ ? next_ arguments : (errno = ENOSYS, -1);                                                                \
    })

#endif
