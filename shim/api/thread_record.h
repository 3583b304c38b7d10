/*
 * thread_record: what the library holds for one thread: its slot of a registry, and what is to be done when it has moved.
 * It is made when the thread first needs it, and freed when the thread ends.
 *
 * Only the thread itself uses its record, not in signal handlers.
 */
#ifndef NODEWISE_SHIM_API_THREAD_RECORD_H
#define NODEWISE_SHIM_API_THREAD_RECORD_H

#include <stdbool.h>

#include "shim/nodewise.h"

struct registry_entry;
struct watcher;
struct tracked;

struct thread_record {
    struct nw_registry *registry; /* with its entry: the slot that the thread has taken; or NULL */
    struct registry_entry *entry;
    struct nw_affinity last; /* at the last safe point */
    bool relocating;         /* functions are being called */
    struct watcher *watchers;
    struct tracked *tracked;
};

/* The calling thread's record. NULL: it has none yet. */
struct thread_record *thread_record(void);
/* The same; it is made where there is none. NULL: memory is short. */
struct thread_record *thread_record_need(void);

#endif
