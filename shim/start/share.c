#include "shim/start/share.h"

#include <stdatomic.h>
#include <string.h>

#include "policy/ledger.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/base/thread.h"
#include "shim/start/activate.h"
#include "shim/start/ledger_file.h"
#include "shim/start/plan_file.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define PATH_SIZE 512u

/* --- the ledger --- */

/* What the ledger holds for this process, to be given back at its end. shares 0: nothing. */
static struct {
    uint64_t policy_id;
    uint32_t shares;
} held ON_DATA_PAGE;

static void note(enum reason reason)
{
    atomic_store_explicit(&shim.reason, reason, memory_order_relaxed);
}

/* place: what holds where the ledger cannot be used. */
static void claim_by(uint64_t policy_id, const struct ledger_deal *deal, struct ledger_place *place)
{
    enum reason reason = ledger_file_claim(policy_id, deal, place);
    held.policy_id = policy_id;
    held.shares = reason == REASON_NO_LEDGER ? 0 : deal->shares;
    if (reason != REASON_OK)
        note(reason);
    if (held.shares)
        shim.facts.index = place->index;
}

/* share: the one that the process has already, or LEDGER_NONE. Returns the share. */
static uint32_t claim(const struct plan_view *plan, uint32_t share)
{
    const struct plan_header *header = plan->header;
    uint32_t sizes[LEDGER_SHARES], shares = header->process_shares;
    struct ledger_place place = {share != LEDGER_NONE ? share : (uint32_t)shim.pid % shares, LEDGER_NONE};
    struct ledger_deal deal = {(enum process_distribution)header->process_distribution, shares, sizes, share};
    for (uint32_t i = 0; i < shares; i++)
        sizes[i] = plan->ranges[header->share_sizes + i].first;
    claim_by(header->policy_id, &deal, &place);
    return place.share;
}

/* Of the worker, at a reload, and of the thread in which the process ends, one does without. */
static _Atomic bool ledger_in_use ON_DATA_PAGE;

static void release(void)
{
    if (held.shares)
        ledger_file_release(held.policy_id, held.shares);
    held.shares = 0;
}

/* --- the number alone --- */

static bool was_numbered; /* by a ledger without shares, not by a launcher */

/* Where rules go by the number of a process, and the policy deals out no shares: all have the same one. */
static void take_number(void)
{
    const struct plan_header *header = shim.plan.header;
    static const uint32_t size = 1;
    const struct ledger_deal deal = {PROC_DIST_ROUND_ROBIN, 1, &size, LEDGER_NONE};
    struct ledger_place place = {0, LEDGER_NONE};
    if (!shim_needs(PLAN_NEEDS_NUMBER) || header->process_shares || shim.facts.index != PLAN_NONE)
        return;
    was_numbered = true;
    claim_by(header->policy_id, &deal, &place);
}

static void take_another_number(void)
{
    if (was_numbered)
        shim.facts.index = PLAN_NONE;
    was_numbered = false;
    take_number();
}

/* --- the plan --- */

/* Makes "X.plan.3" from "X.plan", or from "X.plan.1"; PLAN_NONE: the policy's own, "X.plan". */
static bool path_of(const char *path, uint32_t share, char *ret_path, size_t size)
{
    static const char ending[] = ".plan";
    struct text_writer writer = {ret_path, size, 0};
    const char *end = strstr(path, ending);
    for (const char *next = end; next; next = strstr(next + 1, ending))
        end = next;
    if (!end || (size_t)(end - path) + sizeof(ending) + 16 > size)
        return false;
    memcpy(ret_path, path, (size_t)(end - path) + sizeof(ending) - 1);
    writer.length = (size_t)(end - path) + sizeof(ending) - 1;
    ret_path[writer.length] = '\0';
    if (share == PLAN_NONE)
        return true;
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
static bool was_dealt; /* the process has got a share from a ledger */

bool share_narrow_base(void)
{
    if (!*base_path)
        return false;
    narrow();
    return true;
}

void share_take(void)
{
    if (shim.plan.header->process_shares == 0) {
        take_number();
        return;
    }
    if (strlen(shim.plan_path) >= sizeof(base_path)) { /* the plan itself, as a text */
        note(REASON_NO_SHARE);
        return;
    }
    uint32_t share = claim(&shim.plan, LEDGER_NONE);
    note_origin();
    memcpy(base_path, shim.plan_path, strlen(shim.plan_path) + 1);
    was_dealt = path_of(base_path, share, share_path, sizeof(share_path)) && take_plan(share_path);
    if (was_dealt)
        return;
    *base_path = '\0';
    note(REASON_NO_SHARE);
    release();
}

void share_leave(void)
{
    if (atomic_exchange(&ledger_in_use, true))
        return;
    release();
    atomic_store(&ledger_in_use, false);
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
    held.shares = 0; /* the parent's */
    atomic_store(&ledger_in_use, false);
    if (!*base_path) {
        if (was_numbered)
            take_another_number();
        return;
    }
    memcpy(before, share_path, sizeof(before));
    if (!take_plan(base_path))
        return;
    uint32_t share = claim(&shim.plan, LEDGER_NONE);
    if (!path_of(base_path, share, share_path, sizeof(share_path)) || !take_plan(share_path) || activate_again() < 0) {
        release();
        stay(&mine, before);
        return;
    }
    narrow();
    if (thread_self && !thread_self->chosen)
        thread_self->cpus = STANDING_UNKNOWN; /* the union mask that the thread has belongs to the other share */
}

/* --- another policy --- */

static void drop(const struct plan_view *plan)
{
    raw_munmap((void *)(uintptr_t)plan->header, plan->header->total_size);
}

void share_of_another(struct plan_view *plan, char *path, size_t size)
{
    char own_path[PATH_SIZE];
    struct plan_view own;
    if (!was_dealt || !plan->header->process_shares || atomic_exchange(&ledger_in_use, true))
        return;
    release();
    uint32_t share = claim(plan, LEDGER_NONE);
    if (path_of(path, share, own_path, sizeof(own_path)) && strlen(own_path) < size &&
        read_plan(own_path, plan->header->policy_id, &own)) {
        drop(plan);
        *plan = own;
        memcpy(path, own_path, strlen(own_path) + 1);
    }
    atomic_store(&ledger_in_use, false);
}

/* Is listed where it is now, with the share that it has; children take theirs there, too. */
static void move_to_ledger_of_plan(void)
{
    const struct plan_header *header = shim.plan.header;
    struct plan_view whole;
    if (held.policy_id != header->policy_id)
        release();
    *base_path = '\0';
    if (header->process_share == PLAN_NONE || strlen(shim.plan_path) >= sizeof(share_path) ||
        !path_of(shim.plan_path, PLAN_NONE, base_path, sizeof(base_path)) ||
        !read_plan(base_path, header->policy_id, &whole)) {
        *base_path = '\0';
        release();
        return;
    }
    memcpy(share_path, shim.plan_path, strlen(shim.plan_path) + 1);
    if (header->process_share < whole.header->process_shares)
        claim(&whole, header->process_share);
    else
        *base_path = '\0';
    drop(&whole);
}

void share_plan_changed(void)
{
    if (was_dealt)
        narrow();
    if (atomic_exchange(&ledger_in_use, true))
        return;
    if (was_dealt) {
        move_to_ledger_of_plan();
    } else if (held.policy_id != shim.plan.header->policy_id) {
        release();
        take_another_number();
    }
    atomic_store(&ledger_in_use, false);
}
