/*
 * sessions [THREADS] [REQUESTS] [SESSIONS]: main makes sessions with a buffer of 4 KiB each, as a server does when a client
 * connects. A request is for any session; nine of ten are worked on by the thread that had this session before.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/loads/team.h"

#define WORDS (4096u / sizeof(uint64_t))

struct session {
    pthread_mutex_t lock;
    uint64_t requests, *buffer;
};

static unsigned threads, requests, count;
static struct session *sessions;

static void serve(struct session *session)
{
    pthread_mutex_lock(&session->lock);
    session->requests++;
    for (unsigned i = 0; i < WORDS; i++)
        session->buffer[i] += i;
    pthread_mutex_unlock(&session->lock);
}

static void work(unsigned number)
{
    uint64_t random = number + 1;
    for (unsigned i = 0; i < requests; i++) {
        unsigned which = team_random(&random) % count;
        if (team_random(&random) % 10 != 0)
            which = which - which % threads + number; /* one of its own */
        serve(&sessions[which % count]);
    }
}

int main(int argc, char **argv)
{
    uint64_t served = 0, wrong = 0;
    threads = team_word(argc, argv, 1, 8);
    requests = team_word(argc, argv, 2, 5000);
    count = team_word(argc, argv, 3, 1024);
    sessions = team_allocate(count * sizeof(*sessions));
    for (unsigned i = 0; i < count; i++) {
        sessions[i] = (struct session){.lock = PTHREAD_MUTEX_INITIALIZER, .buffer = team_allocate(WORDS * 8)};
        for (unsigned k = 0; k < WORDS; k++)
            sessions[i].buffer[k] = 0;
    }
    team_run(threads, work);
    for (unsigned i = 0; i < count; i++) {
        served += sessions[i].requests;
        wrong += sessions[i].buffer[WORDS - 1] != sessions[i].requests * (WORDS - 1);
    }
    return team_answer("sessions", served + wrong, (uint64_t)threads * requests);
}
