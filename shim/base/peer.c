#include "shim/base/peer.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/sys/raw.h"

#define FOREIGN_LIFE (24 * 3600) /* s */

static struct ledger_process self; /* as it was described last */

/*
 * The number in the text of the link, as in "pid:[4026531836]"; 0: there is no /proc. Following the link would make the
 * kernel give the namespace an inode, which takes it twice as long.
 */
static uint64_t number_of_namespace(const char *link)
{
    char text[48];
    ssize_t length = raw_readlink(link, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    const char *at = strchr(text, '[');
    if (!at)
        return 0;
    at++;
    return read_number(&at);
}

static uint32_t seconds_now(void)
{
    struct timespec now = {0};
    read_clock(CLOCK_REALTIME, &now);
    return (uint32_t)now.tv_sec;
}

static _Atomic uint64_t known_space; /* 0: not asked yet, or /proc does not tell */

/* Asking takes the kernel 15 us; forked children have what their parent has. */
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
    if ((pid_t)process->pid <= 0) /* kill(2) takes it for many processes */
        return false;
    if (raw_call(SYS_kill, (pid_t)process->pid, 0) != 0 && errno == ESRCH)
        return false;
    if (!closely || !process->ticks)
        return true;
    uint64_t now = facts_start_ticks(process->pid);
    return !now || now == process->ticks; /* 0: /proc hides the process (another user's), but kill(2) found it */
}
