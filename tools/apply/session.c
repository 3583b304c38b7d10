#include "tools/apply/session.h"
#include "policy/grow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
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

/* Four descriptors a process add up. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int session_init(struct session *ret_session, const struct plan_view *plan, bool dry_run)
{
    struct session session = {.budget = MOVING_NO_BUDGET, .interval = 1, .first = 1, .records = {.folder = -1}};
    int error = placing_init(&session.placing, plan, dry_run);
    if (error < 0)
        return error;
    raise_limit();
    session.records.plan = plan;
    session.records.plan_path = session.records.policy = "";
    *ret_session = session;
    return 0;
}

static void governed_free(struct governed *governed)
{
    record_close(&governed->record);
    moving_free(&governed->memory);
    target_close(&governed->target);
    free(governed);
}

void session_free(struct session *session)
{
    for (size_t i = 0; i < session->count; i++)
        governed_free(session->processes[i]);
    free(session->processes);
    children_free(&session->children);
    record_of_close(&session->records);
    placing_free(&session->placing);
    *session = (struct session){.processes = NULL};
}

struct governed *session_add(struct session *session)
{
    struct governed **processes = grow(session->processes, &session->room, session->count, sizeof(*processes));
    struct governed *governed = processes ? calloc(1, sizeof(*governed)) : NULL;
    if (processes)
        session->processes = processes;
    if (!governed)
        return NULL;
    *governed = (struct governed){.target = {.folder = -1, .end = -1}, .record = RECORD_NONE};
    session->processes[session->count++] = governed;
    return governed;
}

void session_drop(struct session *session, struct governed *governed)
{
    size_t kept = 0;
    for (size_t i = 0; i < session->count; i++)
        if (session->processes[i] != governed)
            session->processes[kept++] = session->processes[i];
    session->count = kept;
    governed_free(governed);
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

static bool is_placed(const struct governed *governed)
{
    return !governed->target.told_end && !governed->is_left_alone;
}

/* What a later process's exclusive threads claim is about earlier processes, too. */
static int place_all(struct session *session, bool closely)
{
    bool settled = false;
    for (unsigned round = 0; round < ROUNDS_MOST && !settled; round++) {
        settled = true;
        for (size_t i = 0; i < session->count; i++) {
            struct target *target = &session->processes[i]->target;
            bool waits = is_placed(session->processes[i]) && (round == 0 || target->claims != session->placing.claims);
            int error = waits ? place_target(session, target, closely && round == 0) : 0;
            if (error < 0)
                return error;
        }
        for (size_t i = 0; i < session->count; i++) {
            const struct governed *governed = session->processes[i];
            settled = settled && (!is_placed(governed) || governed->target.ended ||
                                  governed->target.claims == session->placing.claims);
        }
    }
    return 0;
}

/* --- memory --- */

static int ask_for_memory(struct session *session)
{
    int error = 0;
    for (size_t i = 0; i < session->count && error == 0; i++) {
        struct governed *governed = session->processes[i];
        if (is_placed(governed) && !governed->target.ended)
            error = moving_ask(&governed->memory, session->placing.plan, &governed->target, session->budget);
    }
    return error;
}

static bool is_moved(const struct governed *governed)
{
    return is_placed(governed) && !governed->target.ended && moving_is_due(&governed->memory);
}

static bool is_memory_due(const struct session *session)
{
    for (size_t i = 0; i < session->count; i++)
        if (is_moved(session->processes[i]))
            return true;
    return false;
}

static void move_memory(struct session *session)
{
    if (!is_memory_due(session) || seconds_of(CLOCK_MONOTONIC) < session->move_at)
        return;
    session->move_at = seconds_of(CLOCK_MONOTONIC) + PASS_SECONDS;
    for (size_t i = 0; i < session->count; i++) {
        struct governed *governed = session->processes[i];
        if (is_moved(governed))
            moving_pass(&governed->memory, &governed->target, session->placing.dry_run);
    }
}

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

/* --- news --- */

static bool has_news(const struct governed *governed)
{
    const struct target *target = &governed->target;
    if (target->told_end || governed->is_left_alone)
        return false;
    if (target->ended || governed->memory.changed || !governed->is_told)
        return true;
    for (size_t i = 0; i < target->count; i++)
        if (target->threads[i].changed)
            return true;
    return false;
}

bool session_has_news(const struct session *session)
{
    for (size_t i = 0; i < session->count; i++)
        if (has_news(session->processes[i]))
            return true;
    return false;
}

void session_forget_news(struct session *session)
{
    for (size_t i = 0; i < session->count; i++) {
        struct governed *governed = session->processes[i];
        governed->is_told = true;
        governed->memory.changed = false;
        governed->target.told_end = governed->target.ended;
        for (size_t j = 0; j < governed->target.count; j++)
            governed->target.threads[j].changed = false;
    }
}

/* Threads that end are no news, but belong in no record either. */
static void record_news(struct session *session)
{
    for (size_t i = 0; i < session->count && !session->placing.dry_run; i++) {
        struct governed *governed = session->processes[i];
        const struct target *target = &governed->target;
        if (target->ended) {
            record_remove(&governed->record, &session->records, target);
        } else if (has_news(governed) || (!governed->is_left_alone && governed->record.threads != target->count)) {
            int error = record_write(&governed->record, &session->records, target, &governed->memory);
            session->record_error = error < 0 ? error : session->record_error;
        }
    }
}

bool session_is_as_asked(const struct session *session)
{
    for (size_t i = 0; i < session->count; i++) {
        const struct governed *governed = session->processes[i];
        if (governed->memory.error < 0)
            return false;
        for (size_t j = 0; j < governed->target.count && !governed->is_left_alone; j++)
            if (!placing_is_as_asked(&governed->target.threads[j]))
                return false;
    }
    return true;
}

/* --- children --- */

static struct governed *process_of(const struct session *session, pid_t pid)
{
    for (size_t i = 0; i < session->count; i++)
        if (session->processes[i]->target.pid == pid && !session->processes[i]->target.ended)
            return session->processes[i];
    return NULL;
}

/* Another program, or another title, may be a target where the one before was none; the library may be in it by now. */
static void judge(struct session *session, struct governed *governed)
{
    bool was_left = governed->is_left_alone;
    governed->target.has_other_facts = false;
    governed->is_left_alone =
        (governed->is_child && !match_target(session->placing.plan, &governed->target.facts, &(uint32_t){0})) ||
        children_have_library(&governed->target);
    if (!governed->is_left_alone || was_left)
        return;
    placing_leave(&session->placing, &governed->target);
    record_remove(&governed->record, &session->records, &governed->target);
}

static int add_child(struct session *session, struct child found)
{
    const struct governed *parent = process_of(session, found.parent);
    if (!parent || process_of(session, found.pid))
        return 0;
    struct governed *child = session_add(session);
    if (!child)
        return -ENOMEM;
    int error = target_open(&child->target, found.pid, 0);
    if (error == 0 && target_parent(&child->target) != parent->target.pid)
        error = -ESRCH; /* the number is another process's by now */
    if (error == 0)
        error = children_inherit(&child->target, &parent->target);
    if (error < 0) {
        session->child_error = error == -ESRCH ? session->child_error : error;
        session_drop(session, child);
        return error == -ENOMEM ? error : 0;
    }
    child->is_child = true;
    judge(session, child);
    return 0;
}

/* Those of children that are new themselves have higher numbers, but where these began anew: so as long as there are any. */
static int find_children(struct session *session)
{
    struct child *found;
    size_t count, before;
    if (!session->with_children)
        return 0;
    int error = children_look(&session->children, &found, &count);
    do {
        before = session->count;
        for (size_t i = 0; i < count && error == 0; i++)
            error = add_child(session, found[i]);
    } while (error == 0 && session->count > before);
    free(found);
    return error;
}

/* Those that were told of and have ended are forgotten; the rest is judged anew where it has changed. */
static void judge_all(struct session *session, bool closely)
{
    for (size_t i = session->count; i-- > 0;) {
        struct governed *governed = session->processes[i];
        struct target *target = &governed->target;
        if (target->ended && (target->told_end || governed->is_left_alone)) {
            session_drop(session, governed);
            continue;
        }
        bool young = target_is_young(target);
        if (governed->is_left_alone && (closely || young))
            target_look_at_facts(target);
        if (target->has_other_facts || (governed->is_child && young))
            judge(session, governed);
    }
}

/* --- both --- */

int session_place(struct session *session)
{
    int error = find_children(session);
    if (error == 0)
        error = look(session, true);
    /* many threads take long to be placed, which says nothing of a look at them */
    session->closely_at = seconds_of(CLOCK_MONOTONIC) + CLOSELY_MIN;
    if (error == 0)
        move_memory(session);
    if (error == 0)
        record_news(session);
    return error;
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
static double pause_of(struct session *session)
{
    double next = session->move_at - seconds_of(CLOCK_MONOTONIC);
    double pause = session->first < session->interval ? session->first : session->interval;
    session->first = 2 * pause;
    if (!is_memory_due(session) || next > pause)
        return pause;
    return next > 0 ? next : 0;
}

static int sleep_a_while(struct session *session)
{
    double seconds = pause_of(session);
    const struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    struct pollfd *ends = calloc(session->count + 1, sizeof(*ends));
    nfds_t count = 0;
    if (!ends)
        return -ENOMEM;
    for (size_t i = 0; i < session->count; i++)
        if (!session->processes[i]->target.ended && session->processes[i]->target.end >= 0)
            ends[count++] = (struct pollfd){.fd = session->processes[i]->target.end, .events = POLLIN};
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
        struct target *target = &session->processes[i]->target;
        if (target->told_end)
            continue;
        bool changed = target_has_changed(target) || target->young > 0;
        *ret_changed = *ret_changed || (changed && !session->processes[i]->is_left_alone);
        lives = lives || (!target->ended && !session->processes[i]->is_left_alone);
    }
    return lives;
}

int session_watch(struct session *session, bool *ret_over)
{
    bool changed;
    int error = sleep_a_while(session);
    if (error < 0)
        return error;
    size_t before = session->count;
    bool closely = seconds_of(CLOCK_MONOTONIC) >= session->closely_at;
    judge_all(session, closely);
    error = find_children(session);
    bool lives = look_quickly(session, &changed);
    if (error == 0 && (changed || closely || session->count > before))
        error = look(session, closely);
    if (error == 0)
        move_memory(session);
    if (error == 0)
        record_news(session);
    *ret_over = !lives || is_ended;
    return error;
}
