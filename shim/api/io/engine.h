/*
 * engine: what moves the bytes of a loop: io_uring (plugins/uring.c, in a library of its own) or workers of a pool
 * (threads.c). Tasks of pools are not its business: it only sleeps, and is woken for them.
 *
 * The plug-in and the library are of one build: another version is as good as none.
 */
#ifndef NODEWISE_SHIM_API_IO_ENGINE_H
#define NODEWISE_SHIM_API_IO_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

enum { IO_ENGINE_VERSION = 1 };
#define IO_ENGINE_SYMBOL "nodewise_uring_engine"

struct nw_pool;
struct io_ring; /* each engine has its own */

struct io_transfer {
    int fd;
    bool is_write;
    uint32_t length;
    uint64_t offset; /* UINT64_MAX: the descriptor's position */
    void *data;
};

/* The end of a transfer. */
struct io_end {
    void *tag; /* as it was started with */
    int result;
};

/* Functions return 0 or a negative errno where they say nothing else, and are for the loop's thread. */
struct io_engine {
    uint32_t version;
    int (*open)(unsigned entries, struct nw_pool *pool, struct io_ring **ret);
    /* There are never more than `entries`. */
    int (*start)(struct io_ring *ring, const struct io_transfer *transfer, void *tag);
    /* It ends soon, perhaps with -ECANCELED, unless it cannot be given up. */
    void (*cancel)(struct io_ring *ring, void *tag);
    /*
     * Begins what was started, and waits until a transfer ends or wake() was called: for timeout_ns, below 0 forever. Returns
     * how many ends it has written, also 0 and also before the time; -EINTR: a signal came.
     */
    int (*collect)(struct io_ring *ring, int64_t timeout_ns, struct io_end *ret, unsigned room);
    /* To be called before wake() may be. */
    int (*prepare_wake)(struct io_ring *ring);
    /* Ends the present or the next collect(). Any thread. */
    void (*wake)(struct io_ring *ring);
    /* Nothing is under way, and nobody is in wake(). */
    void (*close)(struct io_ring *ring);
};

#endif
