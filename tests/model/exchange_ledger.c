#include "tests/model/exchange_ledger.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LOOK_MS = 10,
    LOOKS = 100, /* at which nothing has changed: who was woken runs, or waits for a CPU, which is no sleep */
};

struct ledger ledger;

/* As last looked at. */
struct look {
    unsigned waits;
    unsigned long switches;
    unsigned same; /* looks at which it slept and nothing had changed */
};

static struct look looks[LEDGER_WORKERS];
static const char *round_told;
static pthread_t watchdog;
static int stop_fd;

void ledger_begin(unsigned workers, unsigned channels)
{
    memset(&ledger, 0, sizeof(ledger));
    memset(looks, 0, sizeof(looks));
    ledger.workers = workers;
    ledger.channels = channels;
}

void ledger_publish(unsigned channel, unsigned from, unsigned to)
{
    struct ledger_pair *pair = &ledger.pair[channel][from][to];
    atomic_store(&pair->published, pair->sent);
}

void ledger_enter_wait(unsigned worker)
{
    struct ledger_worker *entry = &ledger.worker[worker];
    atomic_store(&entry->wishes_seen, atomic_load(&entry->wishes_begun));
    atomic_store(&entry->events_seen, atomic_load(&ledger.events_begun));
    atomic_store(&entry->thread, (int)syscall(SYS_gettid));
    atomic_fetch_add(&entry->waits, 1);
}

void ledger_leave_wait(unsigned worker, bool was_told)
{
    atomic_fetch_add(&ledger.worker[worker].waits, 1);
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        for (unsigned to = 0; to < ledger.workers; to++) {
            /* what it had not flushed it has now */
            ledger_publish(channel, worker, to);
            if (was_told)
                atomic_store(&ledger.pair[channel][worker][to].wants_room, false);
        }
}

/* --- what a worker that waits is owed --- */

static bool sleeps_surely(unsigned worker)
{
    return looks[worker].same >= LOOKS;
}

static bool pair_has_message(const struct ledger_pair *pair, bool sender_sleeps)
{
    unsigned received = atomic_load(&pair->received);
    return atomic_load(&pair->published) > received || (sender_sleeps && atomic_load(&pair->written) > received);
}

bool ledger_owes_message(unsigned worker)
{
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        for (unsigned from = 0; from < ledger.workers && atomic_load(&ledger.worker[worker].is_open[channel]); from++)
            if (pair_has_message(&ledger.pair[channel][from][worker], false))
                return true;
    return false;
}

/* Of a sender that sleeps itself, what it did not flush is published, too. */
static bool owes_unflushed(unsigned worker)
{
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        for (unsigned from = 0; from < ledger.workers && atomic_load(&ledger.worker[worker].is_open[channel]); from++)
            if (pair_has_message(&ledger.pair[channel][from][worker], sleeps_surely(from)))
                return true;
    return false;
}

static bool owes_room(unsigned worker)
{
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        for (unsigned to = 0; to < ledger.workers; to++) {
            const struct ledger_pair *pair = &ledger.pair[channel][worker][to];
            if (atomic_load(&pair->wants_room) && (atomic_load(&pair->given_back) == atomic_load(&pair->written) ||
                                                   atomic_load(&ledger.worker[to].has_ended[channel])))
                return true;
        }
    return false;
}

static const char *owed_to(unsigned worker)
{
    const struct ledger_worker *entry = &ledger.worker[worker];
    if (owes_unflushed(worker))
        return "a message is there";
    if (owes_room(worker))
        return "a ring where it wants room is empty, or closed";
    if ((int)(atomic_load(&entry->wishes_done) - atomic_load(&entry->wishes_seen)) > 0)
        return "nw_wake() was called for it";
    if ((int)(atomic_load(&ledger.events_done) - atomic_load(&entry->events_seen)) > 0)
        return "a worker has joined or left";
    return NULL;
}

/* --- who sleeps --- */

/* Is the thread asleep, and how often has it gone to sleep? */
static bool thread_sleeps(int thread, unsigned long *ret_switches)
{
    char path[64], line[128];
    bool sleeps = false;
    *ret_switches = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread);
    FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof(line), status)) {
        sleeps = sleeps || strncmp(line, "State:\tS", 8) == 0;
        if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
            *ret_switches = strtoul(line + 24, NULL, 10);
    }
    if (status)
        fclose(status);
    return sleeps;
}

static void look_at(unsigned worker)
{
    const struct ledger_worker *entry = &ledger.worker[worker];
    struct look *look = &looks[worker];
    unsigned waits = atomic_load(&entry->waits);
    int thread = atomic_load(&entry->thread);
    unsigned long switches = 0;
    bool sleeps = waits % 2 && thread_sleeps(thread, &switches);
    look->same = sleeps && waits == look->waits && switches == look->switches ? look->same + 1 : 0;
    look->waits = waits;
    look->switches = switches;
}

static void tell_all(void)
{
    for (unsigned channel = 0; channel < ledger.channels; channel++)
        for (unsigned from = 0; from < ledger.workers; from++)
            for (unsigned to = 0; to < ledger.workers; to++) {
                const struct ledger_pair *pair = &ledger.pair[channel][from][to];
                fprintf(stderr, "channel %u, %u to %u: written %u published %u received %u given back %u%s%s\n",
                        channel, from, to, atomic_load(&pair->written), atomic_load(&pair->published),
                        atomic_load(&pair->received), atomic_load(&pair->given_back),
                        atomic_load(&pair->wants_room) ? ", wants room" : "",
                        atomic_load(&ledger.worker[to].has_ended[channel]) ? ", closed" : "");
            }
}

static void *watch(void *unused)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
    while (poll(&stop, 1, LOOK_MS) == 0)
        for (unsigned worker = 0; worker < ledger.workers; worker++) {
            look_at(worker);
            const char *owed = sleeps_surely(worker) ? owed_to(worker) : NULL;
            if (!owed)
                continue;
            fprintf(stderr, "%s: worker %u sleeps although %s\n", round_told, worker, owed);
            tell_all();
            abort();
        }
    return unused;
}

void ledger_watch(const char *told)
{
    round_told = told;
    stop_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(stop_fd >= 0 && pthread_create(&watchdog, NULL, watch, NULL) == 0);
}

void ledger_stop_watching(void)
{
    const uint64_t one = 1;
    CHECK(write(stop_fd, &one, sizeof(one)) == sizeof(one));
    CHECK(pthread_join(watchdog, NULL) == 0);
    close(stop_fd);
}
