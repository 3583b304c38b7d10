#include "shim/place/cpu_count.h"

#include "policy/cpu_count.h"
#include "shim/place/mask.h"
#include "shim/start/facts.h"
#include "shim/state.h"

static uint32_t online, configured; /* 0: nothing is told */

static uint32_t highest_plus_one(void)
{
    for (size_t i = nw_shim.base.words; i-- > 0;)
        if (nw_shim.base.mask[i])
            return (uint32_t)(i * 64 + 64 - (unsigned)__builtin_clzll(nw_shim.base.mask[i]));
    return 1;
}

void cpu_count_start(void)
{
    const struct plan_header *header = nw_shim.plan.header;
    bool quota = header->cpu_report == CPUS_CGROUP || header->cpu_report == CPUS_MIN;
    online = 0;
    if (header->cpu_report == CPUS_HOST)
        return;
    online = cpu_count_number(&nw_shim.plan, nw_shim.base.mask, nw_shim.base.words,
                              quota ? cgroup_cpus(facts_read_file) : 0);
    configured = highest_plus_one();
    if (configured < online)
        configured = online;
}

bool cpu_count_is_told(enum cpu_api api)
{
    return shim_is_active() && online && (nw_shim.plan.header->cpu_apis & 1u << api);
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
        mask_copy(mask, nw_shim.base.mask);
        return;
    }
    cpu_count_mask(&nw_shim.plan, nw_shim.base.mask, mask->words, online, mask->bits);
    shim_leave();
}
