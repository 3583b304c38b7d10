/*
 * next: the functions behind those that the shim takes over, bound as dlsym(RTLD_NEXT) does. All other interposing objects
 * stay in the chain.
 *
 * next_bind() is idempotent. Most symbols are bound at their first forwarded call (NEXT_OR_BIND()), and all that are left
 * before the program makes its first thread (next_bind_rest(), see interpose/first_thread.h). Relaxed atomics suffice
 * because all writers store the same values. The table lives as long as the process.
 *
 * Before glibc 2.34 threads and dlopen are in libraries of their own, libpthread.so.0 and libdl.so.2. A program that has
 * them may call the shim's functions; another has none behind them, until it loads them.
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

struct dl_find_object; /* <dlfcn.h> of glibc 2.35 */
struct musl_handler;   /* interpose/threads.c */

#define SYMBOL(result, name, ...) typedef result next_##name(__VA_ARGS__);
#include "shim/base/symbols.def"
#undef SYMBOL
#define SYMBOL(result, name, ...) typedef result next_##name(__VA_ARGS__);
#include "shim/base/called.def"
#undef SYMBOL

struct next {
#define SYMBOL(result, name, ...) _Atomic(next_##name *) name;
#include "shim/base/called.def"
#undef SYMBOL
#define SYMBOL(result, name, ...) _Atomic(next_##name *) name;
#include "shim/base/symbols.def"
#undef SYMBOL
};

extern struct next next_table __attribute__((visibility("hidden")));

void next_bind(void);
/*
 * While there is one thread: later, another one may unload a library. By walking, since a look-up by libc that fails leaves
 * a text for the program's dlerror(3).
 */
void next_bind_rest(void);

/* The function in the objects behind the shim, or in all of them. NULL: there is none. */
void *next_find(const char *name);
void *next_find_first(const char *name);

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
