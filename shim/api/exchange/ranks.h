/*
 * ranks: what carries bytes between the processes of a parallel program: MPI (plugins/mpi.c, in a library of its own). To it
 * they are numbered processes, called ranks, and messages that come in order between each two.
 *
 * The plug-in and the library are of one build: another version is as good as none.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_RANKS_H
#define NODEWISE_SHIM_API_EXCHANGE_RANKS_H

#include <stdint.h>

enum { RANKS_VERSION = 1 };
#define RANKS_SYMBOL "nodewise_mpi_ranks"

/* All of one thread, which also opens it. Functions return 0 or a negative errno where they say nothing else. */
struct ranks_engine {
    uint32_t version;
    /*
     * Waits until all ranks do it. -EOPNOTSUPP: the program has begun MPI for fewer threads than it takes; -ESHUTDOWN: MPI
     * has been ended.
     */
    int (*open)(unsigned *ret_rank, unsigned *ret_count);
    /* Begins to send. The bytes stay as they are until has_sent(); one message to each rank is under way at a time. */
    int (*send)(unsigned to, const void *bytes, uint32_t length);
    /* 1: nothing is under way to that rank; 0: still. */
    int (*has_sent)(unsigned to);
    /* -EAGAIN: nothing has come, or not all of it: the next call has the same room. */
    int (*receive)(void *bytes, uint32_t room, unsigned *ret_from, uint32_t *ret_length);
    /* What MPI calls the last error; "" before the first. */
    const char *(*words)(void);
    /* Once nothing is under way. Waits until all ranks do it, where it was open() that began MPI. */
    void (*close)(void);
};

#endif
