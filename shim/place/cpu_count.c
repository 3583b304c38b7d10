#include "shim/place/cpu_count.h"

#include "policy/cpu_count.h"
#include "shim/base/facts.h"
#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"

static uint32_t online ON_DATA_PAGE, configured ON_DATA_PAGE; /* 0: the shim reports no number of its own */

static uint32_t highest_plus_one(void)
{
    for (size_t i = shim.base.words; i-- > 0;)
        if (shim.base.mask[i])
            return (uint32_t)(i * 64 + 64 - (unsigned)__builtin_clzll(shim.base.mask[i]));
    return 1;
}

void cpu_count_start(void)
{
    const struct plan_header *header = shim.plan.header;
    bool quota = header->cpu_report == CPUS_CGROUP || header->cpu_report == CPUS_MIN;
    online = 0;
    if (header->cpu_report == CPUS_HOST)
        return;
    online = cpu_count_number(&shim.plan, shim.base.mask, shim.base.words, quota ? cgroup_cpus(facts_read_file) : 0);
    configured = highest_plus_one();
    if (configured < online)
        configured = online;
}

bool cpu_count_is_told(enum cpu_api api)
{
    return shim_is_active() && online && shim.plan.header->cpu_report != CPUS_AUTO &&
           (shim.plan.header->cpu_apis & 1u << api);
}

bool cpu_count_is_told_of(const struct thread *thread)
{
    if (!thread || thread->reads_own || !shim_is_active() || !online)
        return false;
    const struct plan_header *header = shim.plan.header;
    return (header->cpu_apis & 1u << CPU_API_SCHED_GETAFFINITY) &&
           (header->cpu_report != CPUS_AUTO || thread->cpus == STANDING_RULE);
}

void cpu_count_asked(struct thread *thread, const struct mask *asked)
{
    struct mask told;
    thread->reads_own = true;
    if (!online || mask_open(&told) < 0)
        return;
    cpu_count_mask(&shim.plan, shim.base.mask, told.words, online, told.bits);
    thread->reads_own = !mask_equal(asked, &told);
    mask_close(&told);
}

long cpu_count_at_least(enum cpu_api api, long said)
{
    bool counts = said > 0 && said < (long)online && shim_is_active() && shim.plan.header->cpu_report == CPUS_AUTO &&
                  (shim.plan.header->cpu_apis & 1u << api) && cpu_count_is_told_of(thread_self);
    return counts ? (long)online : said;
}

uint32_t cpu_count_online(void)
{
    return online;
}

uint32_t cpu_count_configured(void)
{
    return configured;
}

void cpu_count_told_mask(struct mask *mask)
{
    if (!shim_enter()) {
        mask_copy(mask, shim.base.mask);
        return;
    }
    cpu_count_mask(&shim.plan, shim.base.mask, mask->words, online, mask->bits);
    shim_leave();
}
