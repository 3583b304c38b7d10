/*
 * An exchange that processes of one user on one host have together. The states of all peers are in memory that every
 * process maps. Each two processes have a connection, over which they hand each other the memory of rings; a thread of the
 * library's own waits for that, and notices a process that ends. Rings are as in one process (ring.h): what the others
 * write there is checked.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/notes.h"
#include "shim/api/exchange/rendezvous.h"
#include "shim/api/exchange/shared_memory.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/exchange/wake.h"
#include "shim/api/library.h"

#define PROCESSES 1024u

struct member {
    int fd; /* -1: it is not connected, or gone */
    bool is_gone;
};

struct shared {
    struct nw_exchange *exchange;
    struct rendezvous meeting;
    int peers_fd; /* the peers' memory; of the first process */
    size_t peers_size;
    int stop_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    unsigned member_count;
    struct member members[PROCESSES]; /* by number */
    struct lane *lanes;               /* to and from other processes; by their member next_shared */
};

/* --- lanes --- */

static bool reserve(struct nw_exchange *exchange, size_t bytes)
{
    size_t used = atomic_fetch_add(&exchange->budget.used, bytes);
    if (used + bytes <= exchange->budget.limit)
        return true;
    atomic_fetch_sub(&exchange->budget.used, bytes);
    return false;
}

/* Under the lock, so that the end of the other process is not missed. -EPIPE: it has ended. */
static int add_lane(struct shared *shared, struct lane *lane, unsigned process)
{
    if (shared->members[process].is_gone)
        return -EPIPE;
    lane->process = process;
    lane->next_shared = shared->lanes;
    shared->lanes = lane;
    return 0;
}

static void free_lane(struct nw_exchange *exchange, struct lane *lane)
{
    struct shared *shared = exchange->shared;
    pthread_mutex_lock(&shared->lock);
    struct lane **link = &shared->lanes;
    while (*link && *link != lane)
        link = &(*link)->next_shared;
    if (*link)
        *link = lane->next_shared;
    pthread_mutex_unlock(&shared->lock);
    shared_memory_free(lane->ring, lane->place.bytes);
    atomic_fetch_sub(&exchange->budget.used, lane->place.bytes);
}

static int hand_over(struct shared *shared, const struct agreement *agreement, struct lane *lane, unsigned process,
                     int fd)
{
    const struct note note = {.version = NOTES_VERSION,
                              .kind = NOTE_LANE,
                              .id = agreement->id,
                              .message_size = agreement->message_size,
                              .room = agreement->room,
                              .from = lane->from,
                              .to = lane->to};
    struct peer *receiver = &shared->exchange->all->peer[lane->to];
    pthread_mutex_lock(&shared->lock);
    int error = add_lane(shared, lane, process);
    if (!error)
        error = note_send(shared->members[process].fd, &note, fd);
    if (error && shared->lanes == lane)
        shared->lanes = lane->next_shared;
    pthread_mutex_unlock(&shared->lock);
    if (!error)
        /* the receiver waits for so many before it believes that all have left and nothing comes */
        atomic_fetch_add(&receiver->lanes, 1);
    return error;
}

static int make_lane(struct nw_exchange *exchange, const struct agreement *agreement, struct lane *lane)
{
    struct shared *shared = exchange->shared;
    struct peer *receiver = &exchange->all->peer[lane->to];
    unsigned process = peer_process(atomic_load(&receiver->state));
    size_t bytes = ring_bytes(&agreement->shape);
    void *start;
    int fd;
    if (process >= PROCESSES)
        return -EPIPE;
    pthread_mutex_lock(&shared->lock);
    bool is_gone = shared->members[process].is_gone, is_there = shared->members[process].fd >= 0;
    pthread_mutex_unlock(&shared->lock);
    if (is_gone || !is_there)
        return is_gone ? -EPIPE : -EAGAIN;
    if (!reserve(exchange, bytes))
        return -ENOBUFS;
    int error = shared_memory_make("nodewise-ring", bytes, atomic_load(&receiver->node), &start, &fd);
    if (!error) {
        lane->ring = start;
        lane->place = (struct ring_place){.start = start, .bytes = bytes};
        error = hand_over(shared, agreement, lane, process, fd);
        close(fd);
        if (error)
            shared_memory_free(start, bytes);
    }
    if (error)
        atomic_fetch_sub(&exchange->budget.used, bytes);
    return error;
}

/* --- what others tell: on the thread --- */

/* A ring that another process has made for a worker of this one. What is wrong with it closes it. */
static int take_ring(struct shared *shared, unsigned process, const struct note *note, int fd, struct lane *lane)
{
    struct nw_exchange *exchange = shared->exchange;
    struct ring_shape shape;
    void *start;
    int error = ring_shape_of(note->message_size, note->room, &shape);
    size_t bytes = error ? 0 : ring_bytes(&shape);
    if (!error && !reserve(exchange, bytes))
        error = -ENOBUFS;
    if (error)
        return error;
    error = shared_memory_take(fd, bytes, &start);
    if (error) {
        atomic_fetch_sub(&exchange->budget.used, bytes);
        return error;
    }
    *lane = (struct lane){.ring = start, .place = {.start = start, .bytes = bytes}, .from = note->from, .to = note->to};
    atomic_init(&lane->holders, 1);
    lane->is_remote = true;
    pthread_mutex_lock(&shared->lock);
    add_lane(shared, lane, process); /* who sends it is there, or was: its end is told next */
    pthread_mutex_unlock(&shared->lock);
    return 0;
}

static void take_lane(struct shared *shared, unsigned process, const struct note *note, int fd)
{
    struct nw_exchange *exchange = shared->exchange;
    if (note->from >= exchange->peers || note->to >= exchange->peers || fd < 0)
        return;
    struct peer *receiver = &exchange->all->peer[note->to];
    struct agreement *agreement = NULL;
    struct lane *lane = malloc(sizeof(*lane));
    int error = lane ? take_ring(shared, process, note, fd, lane) : -ENOMEM;
    if (error) {
        free(lane);
        lane = NULL;
    }
    if (lane) {
        pthread_mutex_lock(&exchange->lock);
        error = agreement_find(exchange, note->id, note->message_size, note->room, &agreement);
        pthread_mutex_unlock(&exchange->lock);
        if (error)
            lane_close(exchange, lane);
        else
            lane_bring(exchange, &agreement->arrivals[lane->to], lane);
    }
    atomic_fetch_add(&exchange->own[note->to].lanes, 1);
    atomic_fetch_add(&receiver->events, 1);
    rouse(exchange, receiver);
}

static void take_fd(struct nw_exchange *exchange, const struct note *note, int fd)
{
    const uint64_t one = 1;
    int none = -1;
    if (note->to >= exchange->peers || fd < 0 ||
        !atomic_compare_exchange_strong(&exchange->own[note->to].fd, &none, fd)) {
        if (fd >= 0)
            close(fd);
        return;
    }
    /* who wanted to wake it meanwhile could not */
    if (write(fd, &one, sizeof(one)) < 0)
        return;
}

static int send_fd(int socket, unsigned index, int fd)
{
    const struct note note = {.version = NOTES_VERSION, .kind = NOTE_FD, .to = index};
    return note_send(socket, &note, fd);
}

/* Descriptors by which this process's workers are woken, to one that did not hear of them when they were made. */
static void send_fds(const struct nw_exchange *exchange, int socket)
{
    for (unsigned i = 0; i < exchange->peers; i++) {
        int fd = atomic_load(&exchange->own[i].fd);
        if (fd >= 0 && peer_is_own(exchange, i))
            send_fd(socket, i, fd);
    }
}

static void add_member(struct shared *shared, unsigned process, int fd)
{
    bool is_new = process < PROCESSES && fd >= 0 && process != shared->exchange->process;
    pthread_mutex_lock(&shared->lock);
    is_new = is_new && shared->members[process].fd < 0 && !shared->members[process].is_gone;
    if (is_new) {
        shared->members[process].fd = fd;
        if (process >= shared->member_count)
            shared->member_count = process + 1;
        send_fds(shared->exchange, fd);
    }
    pthread_mutex_unlock(&shared->lock);
    if (!is_new && fd >= 0)
        close(fd);
    if (is_new)
        peers_tell_own(shared->exchange);
}

/* Its workers have left; what they had published is there. */
static void end_member(struct shared *shared, unsigned process)
{
    struct nw_exchange *exchange = shared->exchange;
    pthread_mutex_lock(&shared->lock);
    close(shared->members[process].fd);
    shared->members[process] = (struct member){.fd = -1, .is_gone = true};
    for (struct lane *lane = shared->lanes; lane; lane = lane->next_shared)
        if (lane->process == process) {
            atomic_store(&lane->ring->ended, 1);
            atomic_store(&lane->ring->closed, 1);
        }
    pthread_mutex_unlock(&shared->lock);
    for (unsigned i = 0; i < exchange->peers; i++)
        peers_end(exchange, i, process);
    peers_tell_own(exchange);
    if (process == 0)
        rendezvous_clean(shared->meeting.path);
}

/* Takes what a member tells. false: it is gone. */
static bool listen_to(struct shared *shared, unsigned process, int socket)
{
    struct note note;
    int fd, error;
    while ((error = note_receive(socket, 0, &note, &fd)) == 0) {
        if (note.kind == NOTE_LANE) {
            take_lane(shared, process, &note, fd);
            if (fd >= 0)
                close(fd);
        } else if (note.kind == NOTE_FD) {
            take_fd(shared->exchange, &note, fd);
        } else if (note.kind == NOTE_PROCESS && process == 0) {
            add_member(shared, note.process, fd);
        } else if (fd >= 0) {
            close(fd);
        }
    }
    return error == -EAGAIN;
}

/* --- a new process, which comes to the first one --- */

static void introduce(struct shared *shared, unsigned other, unsigned process, int fd)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    const struct note to_new = {.version = NOTES_VERSION, .kind = NOTE_PROCESS, .process = other};
    const struct note to_old = {.version = NOTES_VERSION, .kind = NOTE_PROCESS, .process = process};
    note_send(fd, &to_new, ends[0]);
    note_send(shared->members[other].fd, &to_old, ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void welcome(struct shared *shared)
{
    int fd = accept4(shared->meeting.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    unsigned process = shared->member_count, others = 0;
    if (rendezvous_check(fd) != 0 || process >= PROCESSES) {
        close(fd);
        return;
    }
    for (unsigned i = 1; i < process; i++)
        others += shared->members[i].fd >= 0;
    const struct note note = {.version = NOTES_VERSION,
                              .kind = NOTE_WELCOME,
                              .process = process,
                              .others = others,
                              .peers = shared->exchange->peers};
    if (note_send(fd, &note, shared->peers_fd) != 0) {
        close(fd);
        return;
    }
    for (unsigned i = 1; i < process; i++)
        if (shared->members[i].fd >= 0)
            introduce(shared, i, process, fd);
    add_member(shared, process, fd);
}

/* --- the thread --- */

enum { STOP, MEETING, FIRST_MEMBER };

static unsigned list_fds(struct shared *shared, struct pollfd *fds, unsigned *processes)
{
    unsigned count = FIRST_MEMBER;
    fds[STOP] = (struct pollfd){.fd = shared->stop_fd, .events = POLLIN};
    fds[MEETING] = (struct pollfd){.fd = shared->meeting.listens ? shared->meeting.fd : -1, .events = POLLIN};
    pthread_mutex_lock(&shared->lock);
    for (unsigned i = 0; i < shared->member_count; i++)
        if (shared->members[i].fd >= 0) {
            processes[count] = i;
            fds[count++] = (struct pollfd){.fd = shared->members[i].fd, .events = POLLIN};
        }
    pthread_mutex_unlock(&shared->lock);
    return count;
}

static void *run(void *argument)
{
    struct shared *shared = argument;
    struct pollfd fds[FIRST_MEMBER + PROCESSES];
    unsigned processes[FIRST_MEMBER + PROCESSES];
    pthread_setname_np(pthread_self(), "nw-exchange");
    for (;;) {
        unsigned count = list_fds(shared, fds, processes);
        if (poll(fds, count, -1) < 0)
            continue; /* EINTR: all signals are blocked, but for those that cannot be */
        if (fds[STOP].revents)
            return NULL;
        for (unsigned i = FIRST_MEMBER; i < count; i++)
            if (fds[i].revents && !listen_to(shared, processes[i], fds[i].fd))
                end_member(shared, processes[i]);
        if (fds[MEETING].revents)
            welcome(shared);
    }
}

static int start(struct shared *shared)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = -pthread_create(&shared->thread, NULL, run, shared);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* --- opening and closing --- */

static int begin(struct shared *shared)
{
    void *start;
    int error = shared_memory_make("nodewise-exchange", shared->peers_size, -1, &start, &shared->peers_fd);
    if (error)
        return error;
    shared->exchange->all = start;
    shared->member_count = 1;
    for (unsigned i = 0; i < shared->exchange->peers; i++)
        atomic_store(&shared->exchange->all->peer[i].sleep, PEER_FENCED);
    return 0;
}

/* Waits for the first process's answer, and for the connections to the others. */
static int join(struct shared *shared)
{
    struct note note;
    void *start;
    int fd, error = note_receive(shared->meeting.fd, 1, &note, &fd);
    if (error)
        return error;
    if (note.kind != NOTE_WELCOME || note.process == 0 || note.process >= PROCESSES || fd < 0)
        error = -EBADMSG;
    else if (note.peers != shared->exchange->peers)
        error = -EINVAL;
    else
        error = shared_memory_take(fd, shared->peers_size, &start);
    if (fd >= 0)
        close(fd);
    if (error)
        return error;
    shared->exchange->all = start;
    shared->exchange->process = note.process;
    shared->member_count = 1;
    shared->members[0].fd = shared->meeting.fd;
    for (unsigned left = note.others; left; left--) {
        error = note_receive(shared->meeting.fd, 1, &note, &fd);
        if (error)
            return error;
        if (note.kind == NOTE_PROCESS)
            add_member(shared, note.process, fd);
        else if (fd >= 0)
            close(fd);
    }
    return 0;
}

/* Nobody listened to it any more when it ended. */
static bool has_first_ended(const struct shared *shared)
{
    struct pollfd first = {.fd = shared->members[0].fd};
    return !shared->meeting.listens && first.fd >= 0 && poll(&first, 1, 0) == 1 && (first.revents & POLLHUP);
}

static void dispose(struct shared *shared)
{
    if (has_first_ended(shared))
        rendezvous_clean(shared->meeting.path);
    for (unsigned i = 0; i < shared->member_count; i++)
        if (shared->members[i].fd >= 0)
            close(shared->members[i].fd);
    if (shared->meeting.listens) {
        close(shared->meeting.fd);
        rendezvous_clean(shared->meeting.path);
    }
    if (shared->peers_fd >= 0)
        close(shared->peers_fd);
    if (shared->stop_fd >= 0)
        close(shared->stop_fd);
    if (shared->exchange->all)
        shared_memory_free(shared->exchange->all, shared->peers_size);
    shared->exchange->all = NULL;
    shared->exchange->shared = NULL;
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static struct shared *make(struct nw_exchange *exchange)
{
    struct shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        return NULL;
    shared->exchange = exchange;
    shared->peers_size = sizeof(struct peers) + exchange->peers * sizeof(struct peer);
    shared->meeting.fd = shared->peers_fd = -1;
    for (unsigned i = 0; i < PROCESSES; i++)
        shared->members[i].fd = -1;
    pthread_mutex_init(&shared->lock, NULL);
    shared->stop_fd = eventfd(0, EFD_CLOEXEC);
    exchange->shared = shared;
    return shared;
}

static int open_shared(struct nw_exchange *exchange, const char *name)
{
    struct shared *shared = make(exchange);
    if (!shared)
        return -ENOMEM;
    int error = shared->stop_fd < 0 ? -EMFILE : rendezvous_meet(&shared->meeting, name);
    if (!error)
        error = shared->meeting.listens ? begin(shared) : join(shared);
    if (!error)
        error = start(shared);
    if (error) {
        if (!shared->meeting.listens && shared->meeting.fd >= 0 && shared->members[0].fd < 0)
            close(shared->meeting.fd);
        dispose(shared);
    }
    return error;
}

static void stop(struct nw_exchange *exchange)
{
    struct shared *shared = exchange->shared;
    const uint64_t one = 1;
    while (write(shared->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    pthread_join(shared->thread, NULL);
}

static void close_shared(struct nw_exchange *exchange)
{
    dispose(exchange->shared);
}

static void tell_fd(struct nw_exchange *exchange, unsigned index, int fd)
{
    struct shared *shared = exchange->shared;
    pthread_mutex_lock(&shared->lock);
    for (unsigned i = 0; i < shared->member_count; i++)
        if (shared->members[i].fd >= 0)
            send_fd(shared->members[i].fd, index, fd);
    pthread_mutex_unlock(&shared->lock);
}

const struct transport transport_shared = {
    .open = open_shared,
    .stop = stop,
    .close = close_shared,
    .make_lane = make_lane,
    .free_lane = free_lane,
    .tell_fd = tell_fd,
};
