#include "shim/base/peer.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

#define FOREIGN_LIFE (24 * 3600) /* s */

static struct ledger_process self; /* as it was described last */

/* The number that the link in /proc names; 0: there is no /proc. */
static uint64_t number_of_namespace(const char *link)
{
    struct stat info;
    return raw_call(SYS_newfstatat, AT_FDCWD, link, &info, 0) == 0 ? (uint64_t)info.st_ino : 0;
}

static uint32_t seconds_now(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)now.tv_sec;
}

static _Atomic uint64_t known_space; /* 0: not asked yet, or /proc does not tell */

/* Asking takes the kernel 25 us; forked children have what their parent has. */
static uint64_t own_space(void)
{
    uint64_t space = atomic_load(&known_space);
    if (!space) {
        /* a time namespace has start times of its own */
        space = number_of_namespace("/proc/self/ns/pid") | number_of_namespace("/proc/self/ns/time") << 32;
        atomic_store(&known_space, space);
    }
    return space;
}

void peer_namespaces_changed(void)
{
    atomic_store(&known_space, 0);
}

void peer_describe_self(struct ledger_process *ret_self)
{
    self = (struct ledger_process){(uint32_t)shim.pid, seconds_now(), facts_start_ticks(0), own_space()};
    *ret_self = self;
}

/*
 * A process of other namespaces cannot be looked up. It gives its place back when it ends; where it was killed, those of
 * its namespaces notice. When these are gone, too, its place is free after a day.
 */
static bool foreign_lives(const struct ledger_process *process)
{
    int32_t age = (int32_t)(self.since - process->since);
    return age < FOREIGN_LIFE && age > -FOREIGN_LIFE;
}

bool peer_is_alive(const struct ledger_process *process, bool closely)
{
    if (process->space != self.space)
        return foreign_lives(process);
    if (raw_call(SYS_kill, (pid_t)process->pid, 0) != 0 && errno == ESRCH)
        return false;
    if (!closely || !process->ticks)
        return true;
    uint64_t now = facts_start_ticks(process->pid);
    return !now || now == process->ticks; /* 0: /proc hides the process (another user's), but kill(2) found it */
}
