#include "tools/apply/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS_MOST   16u  /* of placing what came meanwhile, before it is left to the next look */
#define CLOSELY_MIN   5.0  /* seconds between two looks at every thread, at least, */
#define CLOSELY_SHARE 3e-4 /* and so many that they take no more than this of a CPU */
#define PASS_SECONDS  1.0  /* between the beginnings of two passes that move memory */

static double seconds_of(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int session_init(struct session *ret_session, const struct plan_view *plan, struct target *targets, size_t count,
                 bool dry_run)
{
    struct session session = {.targets = targets, .count = count, .budget = MOVING_NO_BUDGET, .interval = 1};
    int error = placing_init(&session.placing, plan, dry_run);
    if (error < 0)
        return error;
    session.memory = calloc(count + 1, sizeof(*session.memory));
    if (!session.memory) {
        placing_free(&session.placing);
        return -ENOMEM;
    }
    *ret_session = session;
    return 0;
}

void session_free(struct session *session)
{
    for (size_t i = 0; i < session->count; i++)
        moving_free(&session->memory[i]);
    free(session->memory);
    placing_free(&session->placing);
    *session = (struct session){.targets = NULL};
}

/* --- threads --- */

/* Threads that come while others are placed have what their creators had: they are placed in a further round. */
static int place_target(struct session *session, struct target *target, bool closely)
{
    for (unsigned round = 0; round < ROUNDS_MOST; round++) {
        int error = target_look(target, closely);
        if (error == 0)
            error = placing_place(&session->placing, target, closely);
        if (error < 0 || placing_is_settled(&session->placing, target))
            return error;
        closely = false;
    }
    return 0;
}

/* What a later process's exclusive threads claim is about earlier processes, too. */
static int place_all(struct session *session, bool closely)
{
    bool settled = false;
    for (unsigned round = 0; round < ROUNDS_MOST && !settled; round++) {
        settled = true;
        for (size_t i = 0; i < session->count; i++) {
            struct target *target = &session->targets[i];
            bool waits = round == 0 || target->claims != session->placing.claims;
            int error = !target->told_end && waits ? place_target(session, target, closely && round == 0) : 0;
            if (error < 0)
                return error;
        }
        for (size_t i = 0; i < session->count; i++)
            settled = settled && (session->targets[i].ended || session->targets[i].claims == session->placing.claims);
    }
    return 0;
}

/* --- memory --- */

static int ask_for_memory(struct session *session)
{
    int error = 0;
    for (size_t i = 0; i < session->count && error == 0; i++)
        if (!session->targets[i].ended)
            error = moving_ask(&session->memory[i], session->placing.plan, &session->targets[i], session->budget);
    return error;
}

static bool is_memory_due(const struct session *session)
{
    for (size_t i = 0; i < session->count; i++)
        if (!session->targets[i].ended && moving_is_due(&session->memory[i]))
            return true;
    return false;
}

static void move_memory(struct session *session)
{
    if (!is_memory_due(session) || seconds_of(CLOCK_MONOTONIC) < session->move_at)
        return;
    session->move_at = seconds_of(CLOCK_MONOTONIC) + PASS_SECONDS;
    for (size_t i = 0; i < session->count; i++)
        if (!session->targets[i].ended)
            moving_pass(&session->memory[i], &session->targets[i], session->placing.dry_run);
}

/* --- both --- */

/* What a look at every thread costs decides when the next one is. */
static int look(struct session *session, bool closely)
{
    double before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    int error = place_all(session, closely);
    double pause = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before) / CLOSELY_SHARE;
    if (closely)
        session->closely_at = seconds_of(CLOCK_MONOTONIC) + (pause > CLOSELY_MIN ? pause : CLOSELY_MIN);
    return error < 0 ? error : ask_for_memory(session);
}

int session_place(struct session *session)
{
    int error = look(session, true);
    /* many threads take long to be placed, which says nothing of a look at them */
    session->closely_at = seconds_of(CLOCK_MONOTONIC) + CLOSELY_MIN;
    if (error == 0)
        move_memory(session);
    return error;
}

bool session_has_news(const struct session *session)
{
    for (size_t i = 0; i < session->count; i++) {
        const struct target *target = &session->targets[i];
        if ((target->ended && !target->told_end) || session->memory[i].changed)
            return true;
        for (size_t j = 0; j < target->count; j++)
            if (target->threads[j].changed)
                return true;
    }
    return false;
}

bool session_is_as_asked(const struct session *session)
{
    for (size_t i = 0; i < session->count; i++) {
        if (session->memory[i].error < 0)
            return false;
        for (size_t j = 0; j < session->targets[i].count; j++)
            if (!placing_is_as_asked(&session->targets[i].threads[j]))
                return false;
    }
    return true;
}

/* --- watching --- */

static volatile sig_atomic_t is_ended;
static sigset_t while_asleep; /* signals that wait while the command does not sleep, so that none is missed */

static void end(int signal)
{
    is_ended = signal;
}

void session_take_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = end}, before;
    sigset_t mine;
    sigemptyset(&mine);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
            continue; /* nohup(1) */
        sigaddset(&mine, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &mine, &while_asleep);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        sigdelset(&while_asleep, signals[i]);
}

/* Until the next look, or the next pass where memory waits for one. */
static double pause_of(const struct session *session)
{
    double next = session->move_at - seconds_of(CLOCK_MONOTONIC);
    if (!is_memory_due(session) || next > session->interval)
        return session->interval;
    return next > 0 ? next : 0;
}

static int sleep_a_while(const struct session *session)
{
    double seconds = pause_of(session);
    const struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    struct pollfd *ends = calloc(session->count + 1, sizeof(*ends));
    nfds_t count = 0;
    if (!ends)
        return -ENOMEM;
    for (size_t i = 0; i < session->count; i++)
        if (!session->targets[i].ended && session->targets[i].end >= 0)
            ends[count++] = (struct pollfd){.fd = session->targets[i].end, .events = POLLIN};
    ppoll(ends, count, &pause, &while_asleep);
    free(ends);
    return 0;
}

/* Does anything live on? *ret_changed: some have to be looked at. */
static bool look_quickly(struct session *session, bool *ret_changed)
{
    bool lives = false;
    *ret_changed = false;
    for (size_t i = 0; i < session->count; i++) {
        struct target *target = &session->targets[i];
        if (target->told_end)
            continue;
        *ret_changed = target_has_changed(target) || target->young > 0 || *ret_changed;
        lives = lives || !target->ended;
    }
    return lives;
}

int session_watch(struct session *session, bool *ret_over)
{
    bool changed;
    int error = sleep_a_while(session);
    if (error < 0)
        return error;
    bool lives = look_quickly(session, &changed), closely = seconds_of(CLOCK_MONOTONIC) >= session->closely_at;
    if (changed || closely)
        error = look(session, closely);
    if (error == 0)
        move_memory(session);
    *ret_over = !lives || is_ended;
    return error;
}
