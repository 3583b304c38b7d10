#include "shim/api/exchange/comm.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim/api/exchange/ranks.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/library.h"
#include "shim/api/plugin.h"
#include "shim/api/pool/futex.h"
#include "shim/sys/spin.h"

enum { SPIN_NS = 20000, NAP_LEAST_NS = 20000, NAP_MOST_NS = 1000000, EXACT_NS = 1000, RECEIVES_AT_ONCE = 16 };

/* An exchange that another process has opened, and this one not yet. */
struct early {
    struct early *next;
    unsigned rank;
    struct host_note note;
    unsigned char name[sizeof(((struct hosts *)0)->name)];
};

enum stage { NOT_BEGUN, BEGINNING, RUNNING, FAILED };

static struct {
    pthread_mutex_t lock;
    atomic_uint wanted;     /* the lock, by others than the thread, which gives way to them */
    pthread_cond_t changed; /* stages; exchanges that are open, or over */
    pthread_t thread;
    enum stage stage;
    const struct ranks_engine *engine;
    unsigned rank, ranks;
    int fd;
    int error; /* of the beginning, or with which the connection ended */
    char words[256];
    bool is_ending; /* the process does */
    struct hosts *exchanges;
    uint32_t opened; /* exchanges, ever */
    struct early *early;
    struct batch *batches; /* by rank */
    unsigned char *received;
} comm = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fd = -1};

void comm_lock(void)
{
    atomic_fetch_add(&comm.wanted, 1);
    pthread_mutex_lock(&comm.lock);
    atomic_fetch_sub(&comm.wanted, 1);
}

void comm_unlock(void)
{
    pthread_mutex_unlock(&comm.lock);
}

int comm_fd(void)
{
    return comm.fd;
}

static void rouse_thread(void)
{
    const uint64_t one = 1;
    ssize_t written = write(comm.fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
}

/* --- the connection ends --- */

static void break_off(int error)
{
    if (!comm.error)
        snprintf(comm.words, sizeof(comm.words), "%s", comm.engine->words());
    comm.error = comm.error ? comm.error : error;
    for (struct hosts *each = comm.exchanges; each; each = each->next)
        hosts_break(each);
    pthread_cond_broadcast(&comm.changed);
}

int comm_error(const char **ret_words)
{
    comm_lock();
    int error = comm.error;
    comm_unlock();
    *ret_words = error ? comm.words : "";
    return error;
}

/* --- receiving --- */

static struct hosts *find(uint32_t number)
{
    struct hosts *each = comm.exchanges;
    while (each && each->number != number)
        each = each->next;
    return each;
}

static int keep(unsigned rank, const struct host_note *note, const unsigned char *data)
{
    struct early *early = note->length == sizeof(early->name) ? malloc(sizeof(*early)) : NULL;
    if (!early)
        return note->length == sizeof(early->name) ? -ENOMEM : -EBADMSG;
    *early = (struct early){.next = comm.early, .rank = rank, .note = *note};
    memcpy(early->name, data, sizeof(early->name));
    comm.early = early;
    return 0;
}

static int take(unsigned rank, const struct host_note *note, const unsigned char *data)
{
    struct hosts *hosts = find(note->exchange);
    if (hosts)
        return hosts_take(hosts, rank, note, data);
    return note->kind == HOST_OPEN && note->exchange >= comm.opened ? keep(rank, note, data) : -EBADMSG;
}

static int take_all(unsigned rank, const unsigned char *bytes, uint32_t length)
{
    int error = rank < comm.ranks && rank != comm.rank ? 0 : -EBADMSG;
    for (uint32_t at = 0; !error && at < length;) {
        struct host_note note;
        if (length - at < sizeof(note))
            return -EBADMSG;
        memcpy(&note, bytes + at, sizeof(note));
        at += (uint32_t)sizeof(note);
        if (note.length > length - at || batch_padded(note.length) > length - at)
            return -EBADMSG;
        error = take(rank, &note, bytes + at);
        at += batch_padded(note.length);
    }
    return error;
}

/* What has come, some of it: sending has its turn, too. */
static int receive(bool *any)
{
    for (unsigned left = RECEIVES_AT_ONCE; left; left--) {
        unsigned rank;
        uint32_t length;
        int error = comm.engine->receive(comm.received, BATCH_ROOM, &rank, &length);
        if (!error) {
            *any = true;
            error = take_all(rank, comm.received, length);
        }
        if (error)
            return error == -EAGAIN ? 0 : error;
    }
    return 0;
}

/* --- sending --- */

/* 1: the batch can be filled; 0: not yet. */
static int finish_batch(unsigned rank, bool *any)
{
    struct batch *batch = &comm.batches[rank];
    if (!batch->is_flying)
        return 1;
    int done = comm.engine->has_sent(rank);
    if (done < 0)
        return done;
    if (done) {
        *any = true;
        batch->is_flying = false;
        batch->used = 0;
    }
    return done;
}

static int send_batch(unsigned rank, bool with_credits, bool *any)
{
    struct batch *batch = &comm.batches[rank];
    int done = finish_batch(rank, any);
    if (done <= 0)
        return done;
    if (!batch->bytes)
        batch->bytes = malloc(BATCH_ROOM);
    if (!batch->bytes)
        return -ENOMEM;
    for (struct hosts *each = comm.exchanges; each; each = each->next)
        hosts_fill(each, rank, batch, with_credits);
    if (!batch->used)
        return 0;
    *any = batch->is_flying = true;
    return comm.engine->send(rank, batch->bytes, batch->used);
}

/* --- the thread --- */

static bool are_all_over(void)
{
    for (const struct hosts *each = comm.exchanges; each; each = each->next)
        if (each->is_open && !hosts_are_over(each))
            return false;
    return true;
}

/* Who waits for one that has been opened, or closed, looks. */
static void look_at_exchanges(void)
{
    for (struct hosts *each = comm.exchanges; each; each = each->next) {
        bool all;
        int error = hosts_check(each, &all);
        if (all && !error && !each->is_open) {
            each->is_open = true;
            rouse_thread();
        }
        each->is_closing |= comm.is_ending;
    }
    pthread_cond_broadcast(&comm.changed);
}

/* Of the thread. A mutex alone would be its again before another that waits is awake. */
static void lock_last(void)
{
    while (atomic_load(&comm.wanted))
        sched_yield();
    pthread_mutex_lock(&comm.lock);
}

/* false: there was nothing to do. */
static bool pass(bool with_credits)
{
    bool any = false;
    int error = comm.error ? 0 : receive(&any);
    for (unsigned rank = 0; !error && !comm.error && rank < comm.ranks; rank++)
        if (rank != comm.rank)
            error = send_batch(rank, with_credits, &any);
    if (error)
        break_off(error);
    if (any || comm.is_ending)
        look_at_exchanges();
    return any;
}

/* Of the thread that sleeps, until it is roused, or for that long; below 0: for ever. */
static void nap(int64_t ns)
{
    struct pollfd roused = {.fd = comm.fd, .events = POLLIN};
    struct timespec time = {.tv_nsec = ns};
    uint64_t ignored;
    if (ppoll(&roused, 1, ns < 0 ? NULL : &time, NULL) == 1 && read(comm.fd, &ignored, sizeof(ignored)) < 0)
        return;
}

/* Looks on for a while. true: there was something to do. */
static bool look_on(void)
{
    int64_t spin = spin_time(SPIN_NS), until = spin ? clock_now() + spin : 0;
    do {
        lock_last();
        bool any = pass(false);
        comm_unlock();
        if (any)
            return true;
        spin_once();
    } while (spin && clock_now() < until);
    return false;
}

/* Gives credits, too, and says that it is going to sleep. true: there was something to do. */
static bool look_once_more(void)
{
    lock_last();
    bool any = pass(true);
    if (!any) {
        for (struct hosts *each = comm.exchanges; each; each = each->next)
            hosts_arm(each);
        any = pass(true);
    }
    comm_unlock();
    return any;
}

static bool is_at_end(bool *ret_is_idle)
{
    comm_lock();
    bool ends = comm.is_ending && are_all_over();
    *ret_is_idle = !comm.exchanges || comm.error || comm.ranks < 2;
    comm_unlock();
    return ends;
}

static void exchange_all(void)
{
    int64_t length = NAP_LEAST_NS;
    bool is_idle;
    while (!is_at_end(&is_idle)) {
        /* who was not busy before the nap is not likely to be now */
        if ((length == NAP_LEAST_NS && look_on()) || look_once_more()) {
            length = NAP_LEAST_NS;
            continue;
        }
        nap(is_idle ? -1 : length);
        length = 2 * length < NAP_MOST_NS ? 2 * length : NAP_MOST_NS;
    }
}

static int begin_in_thread(void)
{
    comm.engine = plugin_open("libnodewise-mpi.so", RANKS_SYMBOL);
    if (!comm.engine)
        return -ENOENT;
    if (comm.engine->version != RANKS_VERSION)
        return -ENOSYS;
    int error = comm.engine->open(&comm.rank, &comm.ranks);
    if (error)
        return error;
    comm.batches = calloc(comm.ranks, sizeof(*comm.batches));
    comm.received = malloc(BATCH_ROOM);
    if (comm.batches && comm.received)
        return 0;
    comm.engine->close();
    return -ENOMEM;
}

static void *run(void *argument)
{
    (void)argument;
    int error = begin_in_thread();
    /* now, not before: threads that MPI makes have the name of their maker. A rule of the policy places it by that */
    pthread_setname_np(pthread_self(), "nw-comm");
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL); /* what MPI started has the program's mask */
    prctl(PR_SET_TIMERSLACK, EXACT_NS);
    comm_lock();
    comm.stage = error ? FAILED : RUNNING;
    comm.error = error;
    pthread_cond_broadcast(&comm.changed);
    comm_unlock();
    if (error)
        return NULL;
    exchange_all();
    if (!comm.error)
        comm.engine->close();
    return NULL;
}

/* Waits until all processes have closed their exchanges; what this one has sent arrives. */
static void end(void)
{
    if (library_is_forked())
        return;
    comm_lock();
    comm.is_ending = true;
    comm_unlock();
    rouse_thread();
    pthread_join(comm.thread, NULL);
}

/* --- exchanges --- */

/* With the lock. A thread that comes while another begins it waits for that. */
static int begin_thread(void)
{
    if (comm.fd < 0)
        comm.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (comm.fd < 0)
        return -errno;
    comm.stage = BEGINNING;
    comm.error = 0;
    int error = -pthread_create(&comm.thread, NULL, run, NULL);
    while (!error && comm.stage == BEGINNING)
        pthread_cond_wait(&comm.changed, &comm.lock);
    if (error || comm.stage == FAILED) {
        if (!error)
            pthread_join(comm.thread, NULL);
        error = error ? error : comm.error;
        comm.error = 0;
        comm.stage = NOT_BEGUN;
        return error;
    }
    atexit(end);
    return 0;
}

int comm_begin(unsigned *ret_rank, unsigned *ret_count)
{
    comm_lock();
    while (comm.stage == BEGINNING || comm.stage == FAILED)
        pthread_cond_wait(&comm.changed, &comm.lock);
    int error = comm.stage == NOT_BEGUN ? begin_thread() : comm.error;
    *ret_rank = comm.rank;
    *ret_count = comm.ranks;
    pthread_cond_broadcast(&comm.changed);
    comm_unlock();
    return error;
}

/* What others said before this process had opened it. */
static int take_early(struct hosts *hosts)
{
    int error = 0;
    for (struct early **link = &comm.early; *link;) {
        struct early *early = *link;
        if (early->note.exchange != hosts->number) {
            link = &early->next;
            continue;
        }
        *link = early->next;
        error = error ? error : hosts_take(hosts, early->rank, &early->note, early->name);
        free(early);
    }
    return error;
}

static void unlist(struct hosts *hosts)
{
    struct hosts **link = &comm.exchanges;
    while (*link != hosts)
        link = &(*link)->next;
    *link = hosts->next;
}

int comm_open(struct hosts *hosts)
{
    bool all = false;
    comm_lock();
    hosts->number = comm.opened++;
    hosts->next = comm.exchanges;
    comm.exchanges = hosts;
    int error = comm.error ? comm.error : take_early(hosts);
    rouse_thread();
    int differs = hosts_check(hosts, &all);
    while (!error && !comm.error && !all) {
        pthread_cond_wait(&comm.changed, &comm.lock);
        differs = hosts_check(hosts, &all);
    }
    error = error ? error : comm.error ? comm.error : differs;
    if (error)
        unlist(hosts);
    else
        hosts->is_open = true;
    comm_unlock();
    return error;
}

static bool is_flying(void)
{
    for (unsigned i = 0; !comm.error && i < comm.ranks; i++)
        if (comm.batches[i].used)
            return true;
    return false;
}

void comm_close(struct hosts *hosts)
{
    comm_lock();
    hosts->is_closing = true;
    rouse_thread();
    while (!hosts_are_over(hosts) || is_flying())
        pthread_cond_wait(&comm.changed, &comm.lock);
    unlist(hosts);
    comm_unlock();
}
