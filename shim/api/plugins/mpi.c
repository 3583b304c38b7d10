/*
 * libnodewise-mpi.so: MPI as what carries bytes between processes (exchange/ranks.h), which only this library is linked with.
 *
 * All calls are the communication thread's. Where it begins MPI itself, it is MPI's main thread (MPI_THREAD_FUNNELED), and
 * the one that ends it. A program that has begun MPI goes on calling it from its own threads, so it must have asked for
 * MPI_THREAD_MULTIPLE. If it ends MPI first, MPI tells so (the attribute below), and no call comes after that: one would
 * abort the process. The communicator is the library's own, with errors that are returned.
 */
#include <errno.h>
#include <mpi.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "shim/api/exchange/ranks.h"

enum { TAG = 1 };

static struct {
    pthread_mutex_t lock; /* of all calls, so that MPI_Finalize() waits for the last one */
    bool is_ours;         /* begun here */
    bool is_over;         /* ended by the program */
    MPI_Comm all;
    unsigned count;
    MPI_Request *sends; /* by rank */
    MPI_Request receive;
    bool is_receiving;
    unsigned from;
    int length;
    char words[MPI_MAX_ERROR_STRING];
} mpi = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int error_of(int code)
{
    int class = MPI_ERR_OTHER, length;
    if (code == MPI_SUCCESS)
        return 0;
    MPI_Error_string(code, mpi.words, &length);
    MPI_Error_class(code, &class);
    return class == MPI_ERR_NO_MEM ? -ENOMEM : -EIO;
}

/* With the lock; what follows must be followed by end_calls(). */
static int begin_calls(void)
{
    pthread_mutex_lock(&mpi.lock);
    return mpi.is_over ? -ESHUTDOWN : 0;
}

static int end_calls(int error)
{
    pthread_mutex_unlock(&mpi.lock);
    return error;
}

/* --- opening and closing --- */

/* The program's MPI_Finalize() deletes this before it ends anything. */
static int note_end(MPI_Comm self, int key, void *value, void *extra)
{
    (void)self;
    (void)key;
    (void)value;
    (void)extra;
    pthread_mutex_lock(&mpi.lock);
    mpi.is_over = true;
    pthread_mutex_unlock(&mpi.lock);
    return MPI_SUCCESS;
}

static int watch_end(void)
{
    int key;
    int code = MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, note_end, &key, NULL);
    return error_of(code == MPI_SUCCESS ? MPI_Comm_set_attr(MPI_COMM_SELF, key, NULL) : code);
}

static int begin(void)
{
    int level = MPI_THREAD_SINGLE, has_begun = 0, has_ended = 0;
    MPI_Initialized(&has_begun);
    MPI_Finalized(&has_ended);
    if (has_ended)
        return -ESHUTDOWN;
    if (has_begun) {
        MPI_Query_thread(&level);
        return level < MPI_THREAD_MULTIPLE ? -EOPNOTSUPP : watch_end();
    }
    int error = error_of(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level));
    if (error)
        return error;
    mpi.is_ours = true;
    return level < MPI_THREAD_FUNNELED ? -EOPNOTSUPP : 0;
}

static void close_mpi(void)
{
    if (mpi.is_ours) {
        MPI_Comm_free(&mpi.all);
        MPI_Finalize();
    }
    free(mpi.sends);
    mpi.sends = NULL;
}

static int duplicate(int *ret_rank, int *ret_count)
{
    int code = MPI_Comm_dup(MPI_COMM_WORLD, &mpi.all);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(mpi.all, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(mpi.all, ret_rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(mpi.all, ret_count);
    return error_of(code);
}

static int open_mpi(unsigned *ret_rank, unsigned *ret_count)
{
    int rank = 0, count = 0;
    int error = begin();
    if (!error)
        error = duplicate(&rank, &count);
    if (!error)
        mpi.sends = calloc((size_t)count, sizeof(*mpi.sends));
    if (!error && !mpi.sends)
        error = -ENOMEM;
    if (error) {
        if (mpi.is_ours)
            MPI_Finalize();
        return error;
    }
    mpi.count = (unsigned)count;
    for (unsigned i = 0; i < mpi.count; i++)
        mpi.sends[i] = MPI_REQUEST_NULL;
    *ret_rank = (unsigned)rank;
    *ret_count = mpi.count;
    return 0;
}

/* --- messages --- */

static int send(unsigned to, const void *bytes, uint32_t length)
{
    int error = begin_calls();
    if (!error)
        error = error_of(MPI_Isend(bytes, (int)length, MPI_BYTE, (int)to, TAG, mpi.all, &mpi.sends[to]));
    return end_calls(error);
}

static int has_sent(unsigned to)
{
    int done = 0, error = begin_calls();
    if (!error)
        error = error_of(MPI_Test(&mpi.sends[to], &done, MPI_STATUS_IGNORE));
    return end_calls(error ? error : done);
}

/* A message that has come is the one that is received, whatever threads ask meanwhile (MPI_Improbe()). */
static int begin_to_receive(void *bytes, uint32_t room)
{
    MPI_Message message;
    MPI_Status status;
    int any = 0;
    int error = error_of(MPI_Improbe(MPI_ANY_SOURCE, TAG, mpi.all, &any, &message, &status));
    if (error || !any)
        return error ? error : -EAGAIN;
    error = error_of(MPI_Get_count(&status, MPI_BYTE, &mpi.length));
    if (!error && (mpi.length < 0 || (uint32_t)mpi.length > room))
        error = -EBADMSG;
    if (!error)
        error = error_of(MPI_Imrecv(bytes, mpi.length, MPI_BYTE, &message, &mpi.receive));
    mpi.from = (unsigned)status.MPI_SOURCE;
    mpi.is_receiving = !error;
    return error;
}

static int go_on_receiving(void *bytes, uint32_t room)
{
    int done = 0;
    int error = mpi.is_receiving ? 0 : begin_to_receive(bytes, room);
    if (!error)
        error = error_of(MPI_Test(&mpi.receive, &done, MPI_STATUS_IGNORE));
    if (error || !done)
        return error ? error : -EAGAIN;
    mpi.is_receiving = false;
    return 0;
}

static int receive(void *bytes, uint32_t room, unsigned *ret_from, uint32_t *ret_length)
{
    int error = begin_calls();
    if (!error)
        error = go_on_receiving(bytes, room);
    if (!error) {
        *ret_from = mpi.from;
        *ret_length = (uint32_t)mpi.length;
    }
    return end_calls(error);
}

static const char *words(void)
{
    return mpi.words;
}

__attribute__((visibility("default"))) extern const struct ranks_engine nodewise_mpi_ranks;
const struct ranks_engine nodewise_mpi_ranks = {
    .version = RANKS_VERSION,
    .open = open_mpi,
    .send = send,
    .has_sent = has_sent,
    .receive = receive,
    .words = words,
    .close = close_mpi,
};
