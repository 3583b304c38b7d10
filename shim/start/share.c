#include "shim/start/share.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#include "policy/ledger.h"
#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/base/thread.h"
#include "shim/start/activate.h"
#include "shim/start/plan_file.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define LOCK_PAUSE (NS_PER_MS / 5)  /* first pause */
#define LOCK_LONG  (10 * NS_PER_MS) /* longest pause */
#define LOCK_MOST  (2 * NS_PER_S)   /* limit of all pauses together */
#define PATH_SIZE  512u

/* --- liveness of processes --- */

static bool is_alive(uint32_t pid, uint64_t ticks)
{
    if (raw_call(SYS_kill, (pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    uint64_t now = facts_start_ticks(pid);
    return !now || now == ticks; /* 0: /proc hides the process (another user's), but kill(2) found it */
}

/* --- the ledger file --- */

static int open_ledger_in(int folder)
{
    char name[64] = "";
    struct text_writer writer = {name, sizeof(name), 0};
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    struct stat info;
    write_number(&writer, shim.plan.header->policy_id, 0);
    write_text(&writer, ".ledger");
    int fd = raw_openat(folder, name, flags, 0600);
    if (fd < 0)
        return -1;
    if (raw_fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == shim.uid &&
        (info.st_size == sizeof(struct ledger) ||
         (raw_may_size(sizeof(struct ledger)) && raw_ftruncate(fd, sizeof(struct ledger)) == 0)) &&
        raw_fallocate(fd, sizeof(struct ledger)) == 0) /* a write to a page without room is SIGBUS */
        return fd;
    raw_close(fd);
    return -1;
}

/* In the first runtime folder that has room for it. */
static int open_ledger(void)
{
    const struct runtime_user user = {shim.uid, shim.session};
    int fd = -1;
    for (enum runtime_folder which = 0; fd < 0 && which < RUNTIME_FOLDERS; which++) {
        int folder = runtime_folder_open(which, &user, true);
        if (folder < 0)
            continue;
        fd = open_ledger_in(folder);
        raw_close(folder);
    }
    return fd;
}

/*
 * A claim takes microseconds, but a hundred processes may claim at once, on busy CPUs. Only a process that was stopped
 * during its claim (SIGSTOP, a debugger) keeps the lock longer. This process then goes on without the lock.
 */
static void lock(int fd)
{
    uint64_t pause = LOCK_PAUSE, waited = 0;
    while (raw_call(SYS_flock, fd, LOCK_EX | LOCK_NB) != 0 && waited < LOCK_MOST) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return; /* the file cannot be locked */
        sleep_ns(pause);
        waited += pause;
        if (pause < LOCK_LONG)
            pause *= 2;
    }
}

/* Returns the share, or PLAN_NONE. */
static uint32_t claim(void)
{
    const struct plan_header *header = shim.plan.header;
    uint32_t sizes[LEDGER_SHARES], share = PLAN_NONE, index;
    struct ledger *ledger;
    int fd = open_ledger();
    if (fd < 0)
        return PLAN_NONE;
    for (uint32_t i = 0; i < header->process_shares; i++)
        sizes[i] = shim.plan.ranges[header->share_sizes + i].first;
    ledger = raw_mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    if (ledger != MAP_FAILED) {
        lock(fd);
        share = ledger_claim(ledger, (uint32_t)shim.pid, facts_start_ticks(0),
                             (enum process_distribution)header->process_distribution, header->process_shares, sizes,
                             is_alive, &index);
        shim.facts.index = index;
        raw_munmap(ledger, sizeof(*ledger));
    }
    raw_close(fd); /* releases the lock as well */
    return share;
}

/* --- the plan --- */

/* Makes "X.plan.3" from "X.plan", or from "X.plan.1". */
static bool path_of(uint32_t share, char *ret_path, size_t size)
{
    static const char ending[] = ".plan";
    struct text_writer writer = {ret_path, size, 0};
    const char *path = shim.plan_path, *end = strstr(path, ending);
    for (const char *next = end; next; next = strstr(next + 1, ending))
        end = next;
    if (!end || (size_t)(end - path) + sizeof(ending) + 16 > size)
        return false;
    memcpy(ret_path, path, (size_t)(end - path) + sizeof(ending) - 1);
    writer.length = (size_t)(end - path) + sizeof(ending) - 1;
    ret_path[writer.length] = '\0';
    write_char(&writer, '.');
    write_number(&writer, share, 0);
    return true;
}

static bool read_plan(const char *path, uint64_t policy_id, struct plan_view *ret_plan)
{
    return plan_file_read_apart(ret_plan, path) == REASON_OK && ret_plan->header->policy_id == policy_id;
}

/* Switches to the plan at `path`. The pointer is stored. */
static bool take_plan(const char *path)
{
    struct plan_view plan;
    if (!read_plan(path, shim.plan.header->policy_id, &plan))
        return false;
    shim.plan = plan;
    shim.plan_path = path;
    return true;
}

/* --- the base state --- */

static uint64_t whole_base[BASE_MASK_WORDS]; /* the mask before narrow() */
static bool came_from_a_share;

static bool base_is_within(uint32_t mask)
{
    const struct base_state *base = &shim.base;
    for (size_t id = 0; id < base->words * 64; id++)
        if ((whole_base[id / 64] >> id % 64 & 1) && !plan_mask_has(&shim.plan, mask, (unsigned)id))
            return false;
    return true;
}

/* With the policy's plan in shim.plan: were the CPUs of the process those of a single share already? */
static void note_origin(void)
{
    const struct plan_header *header = shim.plan.header;
    if (sys_get_affinity(0, whole_base, BASE_MASK_WORDS, &shim.base.words) != 0)
        return;
    for (uint32_t i = 0; i < header->process_shares && !came_from_a_share; i++)
        came_from_a_share = base_is_within(shim.plan.ranges[header->share_sizes + i].last);
    if (came_from_a_share)
        plan_mask_expand(&shim.plan, header->allowed_mask, whole_base, BASE_MASK_WORDS);
}

static void narrow(void)
{
    struct base_state *base = &shim.base;
    uint64_t any = 0;
    plan_mask_expand(&shim.plan, shim.plan.header->allowed_mask, base->mask, base->words);
    for (size_t i = 0; i < base->words; i++)
        any |= base->mask[i] &= whole_base[i];
    if (!any)
        memcpy(base->mask, whole_base, base->words * 8);
}

/* --- claiming a share --- */

/* The policy's own plan holds the sizes of all shares. */
static char base_path[PATH_SIZE], share_path[PATH_SIZE];

bool share_narrow_base(void)
{
    if (!*base_path)
        return false;
    narrow();
    return true;
}

void share_plan_changed(void)
{
    if (*base_path)
        narrow();
}

void share_take(void)
{
    if (shim.plan.header->process_shares == 0 || strlen(shim.plan_path) >= sizeof(base_path))
        return;
    uint32_t share = claim();
    if (share == PLAN_NONE || !path_of(share, share_path, sizeof(share_path)))
        return;
    note_origin();
    memcpy(base_path, shim.plan_path, strlen(shim.plan_path) + 1);
    if (!take_plan(share_path))
        *base_path = '\0';
}

/* Restores the previous plan. */
static void stay(const struct plan_view *plan, const char *path)
{
    memcpy(share_path, path, sizeof(share_path));
    shim.plan = *plan;
    shim.plan_path = share_path;
}

void share_forked(void)
{
    struct plan_view mine = shim.plan;
    char before[PATH_SIZE];
    if (!*base_path)
        return;
    memcpy(before, share_path, sizeof(before));
    if (!take_plan(base_path))
        return;
    uint32_t share = claim();
    if (share == PLAN_NONE || !path_of(share, share_path, sizeof(share_path)) || !take_plan(share_path) ||
        activate_again() < 0) {
        stay(&mine, before);
        return;
    }
    narrow();
    if (thread_self && !thread_self->chosen)
        thread_self->cpus = STANDING_UNKNOWN; /* the union mask that the thread has belongs to the other share */
}
