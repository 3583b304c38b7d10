#include "policy/plan.h"

#include <errno.h>
#include <string.h>

#include "policy/ledger.h"
#include "policy/policy.h"
#include "policy/reason.h"

/*
 * The one gate between bytes of unknown origin and code that indexes without looking. Every check is written
 * so that hostile numbers cannot overflow it: offsets and counts are 32 bits and compared as 64.
 */

const uint32_t plan_record_size[PLAN_SECTION_COUNT] = {
    [PLAN_STRINGS] = 1,
    [PLAN_RULES] = sizeof(struct plan_rule),
    [PLAN_CLAUSES] = sizeof(struct plan_clause),
    [PLAN_CONDITIONS] = sizeof(struct plan_condition),
    [PLAN_PATTERNS] = sizeof(uint32_t),
    [PLAN_RANGES] = sizeof(struct plan_range),
    [PLAN_SLOTS] = sizeof(struct plan_slot),
    [PLAN_MASKS] = sizeof(struct plan_mask),
    [PLAN_WORDS] = sizeof(uint64_t),
    [PLAN_CPUS] = sizeof(struct plan_cpu),
    [PLAN_NODES] = sizeof(struct plan_node),
    [PLAN_DISTANCES] = sizeof(uint32_t),
    [PLAN_TARGETS] = sizeof(struct plan_target),
    [PLAN_LABELS] = sizeof(uint32_t),
    [PLAN_MAPPING_RULES] = sizeof(struct plan_mapping_rule),
    [PLAN_EXCHANGES] = sizeof(struct plan_exchange),
};

#define MAX_NODES 1024u /* CONFIG_NODES_SHIFT is at most 10 */

uint64_t plan_checksum(const void *data, size_t size)
{
    const size_t skipped = offsetof(struct plan_header, checksum) / sizeof(uint64_t);
    const unsigned char *bytes = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
        uint64_t word;
        memcpy(&word, bytes + i * sizeof(word), sizeof(word));
        hash = (hash ^ (i == skipped ? 0 : word)) * UINT64_C(0x100000001b3);
        hash ^= hash >> 32; /* FNV alone carries no high bit down; a flip in bit 63 must show everywhere */
    }
    return hash;
}

static bool range_fits(const struct plan_view *plan, enum plan_section_id section, uint32_t first, uint32_t count)
{
    return (uint64_t)first + count <= plan->count[section];
}

static bool text_fits(const struct plan_view *plan, uint32_t string)
{
    return string < plan->count[PLAN_STRINGS];
}

/* The mask exists, and each of its bits is below `ids`. */
static bool mask_fits(const struct plan_view *plan, uint32_t index, uint32_t ids)
{
    if (index >= plan->count[PLAN_MASKS])
        return false;
    const struct plan_mask *mask = &plan->masks[index];
    uint64_t end = (uint64_t)mask->first_word + mask->word_count;
    if (end <= ids / 64)
        return true;
    if (end != ids / 64 + 1 || ids % 64 == 0)
        return false;
    return !mask->word_count || plan->words[mask->word_first + mask->word_count - 1] >> ids % 64 == 0;
}

static bool cpu_mask_fits(const struct plan_view *plan, uint32_t index)
{
    return mask_fits(plan, index, plan->count[PLAN_CPUS]);
}

static bool node_mask_fits(const struct plan_view *plan, uint32_t index)
{
    return mask_fits(plan, index, MAX_NODES);
}

static bool used_cpu_mask_fits(const struct plan_view *plan, uint32_t index)
{
    return cpu_mask_fits(plan, index) && plan->masks[index].weight > 0;
}

static bool node_fits(uint32_t node)
{
    return node < MAX_NODES || node == PLAN_NONE;
}

static bool masks_are_sound(const struct plan_view *plan)
{
    if (plan->count[PLAN_MASKS] == 0 || plan->masks[0].word_count != 0)
        return false;
    for (uint32_t i = 0; i < plan->count[PLAN_MASKS]; i++) {
        const struct plan_mask *mask = &plan->masks[i];
        uint32_t weight = 0;
        if (!range_fits(plan, PLAN_WORDS, mask->word_first, mask->word_count))
            return false;
        if ((uint64_t)mask->first_word + mask->word_count > PLAN_MAX_CPUS / 64)
            return false;
        for (uint32_t w = 0; w < mask->word_count; w++)
            weight += (uint32_t)__builtin_popcountll(plan->words[mask->word_first + w]);
        if (weight != mask->weight)
            return false;
    }
    return true;
}

static bool condition_is_sound(const struct plan_view *plan, const struct plan_condition *condition)
{
    switch (condition->key) {
    case PLAN_KEY_UNNAMED:
    case PLAN_KEY_MAIN:
    case PLAN_KEY_FORKED:
        return condition->value <= 1;
    case PLAN_KEY_INDEX:
    case PLAN_KEY_PROCESS_INDEX:
    case PLAN_KEY_USER:
        return range_fits(plan, PLAN_RANGES, condition->first, condition->count);
    default:
        return condition->key < PLAN_KEY_COUNT && range_fits(plan, PLAN_PATTERNS, condition->first, condition->count);
    }
}

static bool conditions_are_sound(const struct plan_view *plan)
{
    for (uint32_t i = 0; i < plan->count[PLAN_PATTERNS]; i++)
        if (!text_fits(plan, plan->patterns[i]))
            return false;
    for (uint32_t i = 0; i < plan->count[PLAN_LABELS]; i++)
        if (!text_fits(plan, plan->labels[i]))
            return false;
    for (uint32_t i = 0; i < plan->count[PLAN_CONDITIONS]; i++)
        if (!condition_is_sound(plan, &plan->conditions[i]))
            return false;
    for (uint32_t i = 0; i < plan->count[PLAN_TARGETS]; i++)
        if (!condition_is_sound(plan, &plan->targets[i].condition))
            return false;
    for (uint32_t i = 0; i < plan->count[PLAN_CLAUSES]; i++) {
        const struct plan_clause *clause = &plan->clauses[i];
        if (clause->condition_count == 0 ||
            !range_fits(plan, PLAN_CONDITIONS, clause->condition_first, clause->condition_count))
            return false;
    }
    return true;
}

static bool slots_are_sound(const struct plan_view *plan)
{
    for (uint32_t i = 0; i < plan->count[PLAN_SLOTS]; i++) {
        const struct plan_slot *slot = &plan->slots[i];
        if (!used_cpu_mask_fits(plan, slot->mask) || !used_cpu_mask_fits(plan, slot->claim_mask) ||
            !node_mask_fits(plan, slot->mem_mask) || !node_fits(slot->home_node) || slot->capacity == 0 ||
            slot->cores > slot->capacity || !used_cpu_mask_fits(plan, slot->core_mask) || slot->core_count == 0 ||
            slot->core_count > plan->count[PLAN_CPUS] || !cpu_mask_fits(plan, slot->around) ||
            slot->around_cores > plan->count[PLAN_CPUS])
            return false;
    }
    return true;
}

static bool rule_enums_are_sound(const struct plan_rule *rule)
{
    return rule->distribution < DIST_COUNT && rule->level < LEVEL_COUNT && rule->bind_to < LEVEL_COUNT &&
           rule->smt < SMT_COUNT && rule->enforcement < ENFORCE_COUNT && rule->on_app_affinity < APP_COUNT &&
           rule->mem_policy < MEM_COUNT && rule->arena < ARENA_COUNT && rule->huge_pages < HUGE_COUNT &&
           rule->prefault < PREFAULT_COUNT && rule->stack < STACK_COUNT && rule->steal < STEAL_COUNT &&
           rule->set_reason < REASON_COUNT && rule->mem_reason < REASON_COUNT && rule->node_ids < NODE_IDS_COUNT;
}

static bool mapping_rules_are_sound(const struct plan_view *plan)
{
    for (uint32_t i = 0; i < plan->count[PLAN_MAPPING_RULES]; i++) {
        const struct plan_mapping_rule *rule = &plan->mapping_rules[i];
        if (!text_fits(plan, rule->name) || !node_mask_fits(plan, rule->mem_mask) ||
            !range_fits(plan, PLAN_PATTERNS, rule->library.first, rule->library.count) ||
            !range_fits(plan, PLAN_PATTERNS, rule->function.first, rule->function.count))
            return false;
        if (rule->kind > MAPPING_COUNT || rule->mem_policy >= MEM_COUNT || rule->huge_pages >= HUGE_COUNT ||
            rule->prefault >= PREFAULT_COUNT || rule->mem_reason >= REASON_COUNT)
            return false;
    }
    return true;
}

static bool rules_are_sound(const struct plan_view *plan)
{
    uint32_t count = plan->count[PLAN_RULES];
    if (count > PLAN_MAX_RULES)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_rule *rule = &plan->rules[i];
        bool catch_all = rule->flags & PLAN_RULE_CATCH_ALL;
        if (catch_all != (i == plan->header->default_rule) || catch_all != (rule->clause_count == 0))
            return false;
        if (!text_fits(plan, rule->name) || !text_fits(plan, rule->origin) || !text_fits(plan, rule->rename) ||
            !text_fits(plan, rule->asked))
            return false;
        if (rule->slot_count == 0 || !range_fits(plan, PLAN_SLOTS, rule->slot_first, rule->slot_count) ||
            !range_fits(plan, PLAN_CLAUSES, rule->clause_first, rule->clause_count) ||
            !range_fits(plan, PLAN_MAPPING_RULES, rule->mapping_rules_first, rule->mapping_rules_count))
            return false;
        if (!used_cpu_mask_fits(plan, rule->set_mask) || !rule_enums_are_sound(rule))
            return false;
    }
    return true;
}

static bool machine_is_sound(const struct plan_view *plan)
{
    uint64_t nodes = plan->count[PLAN_NODES];
    if (plan->count[PLAN_CPUS] == 0 || plan->count[PLAN_CPUS] > PLAN_MAX_CPUS || nodes > MAX_NODES ||
        plan->count[PLAN_DISTANCES] != nodes * nodes)
        return false;
    for (uint32_t i = 0; i < plan->count[PLAN_CPUS]; i++)
        if (!node_fits(plan->cpus[i].node) || !node_fits(plan->cpus[i].mem_node) || plan->cpus[i].group > i ||
            plan->cpus[i].group_size > plan->count[PLAN_CPUS])
            return false;
    for (uint32_t i = 0; i < nodes; i++) {
        const struct plan_node *node = &plan->nodes[i];
        if (node->id >= MAX_NODES || !cpu_mask_fits(plan, node->cpus) || (i && node->id <= plan->nodes[i - 1].id))
            return false;
    }
    return true;
}

static bool shares_are_sound(const struct plan_view *plan, const struct plan_header *h)
{
    if (h->process_shares == 0)
        return true;
    if (h->process_shares > LEDGER_SHARES || h->share_sizes > plan->count[PLAN_RANGES] ||
        h->process_shares > plan->count[PLAN_RANGES] - h->share_sizes)
        return false;
    for (uint32_t i = 0; i < h->process_shares; i++)
        if (plan->ranges[h->share_sizes + i].first == 0 ||
            !used_cpu_mask_fits(plan, plan->ranges[h->share_sizes + i].last))
            return false;
    return true;
}

static bool pools_are_sound(const struct plan_view *plan, const struct plan_header *h)
{
    if (h->pool_count == 0)
        return true;
    if (h->pools > plan->count[PLAN_RANGES] || h->pool_count > (plan->count[PLAN_RANGES] - h->pools) / PLAN_POOL_RANGES)
        return false;
    for (uint32_t i = 0; i < h->pool_count; i++) {
        struct plan_pool pool = plan_pool(plan, i);
        if (pool.rule >= plan->count[PLAN_RULES] || pool.size > POOL_AT_MOST || pool.steal >= STEAL_COUNT ||
            pool.backlog == 0 || (pool.size != 0) != (pool.number != 0))
            return false;
    }
    return true;
}

static bool exchanges_are_sound(const struct plan_view *plan)
{
    for (uint32_t i = 0; i < plan->count[PLAN_EXCHANGES]; i++) {
        const struct plan_exchange *exchange = &plan->exchanges[i];
        bool has_number = exchange->size == POOL_EXACTLY || exchange->size == POOL_AT_MOST;
        if (exchange->rule >= plan->count[PLAN_RULES] || exchange->size > POOL_AS_PROGRAM ||
            has_number != (exchange->number != 0) || exchange->ring > EXCHANGE_LARGEST_RING ||
            exchange->transport >= TRANSPORT_COUNT || exchange->pattern_count == 0 ||
            !range_fits(plan, PLAN_PATTERNS, exchange->pattern_first, exchange->pattern_count))
            return false;
    }
    return true;
}

static bool header_is_sound(const struct plan_view *plan)
{
    const struct plan_header *h = plan->header;
    if (h->default_rule != PLAN_NONE &&
        (plan->count[PLAN_RULES] == 0 || h->default_rule != plan->count[PLAN_RULES] - 1))
        return false;
    if (!used_cpu_mask_fits(plan, h->main_mask) || !used_cpu_mask_fits(plan, h->allowed_mask) ||
        !used_cpu_mask_fits(plan, h->groups))
        return false;
    if (h->main_memory != PLAN_NONE &&
        (h->main_memory >= plan->count[PLAN_RULES] || plan->rules[h->main_memory].mem_policy == MEM_DEFAULT))
        return false;
    return text_fits(plan, h->source) && text_fits(plan, h->report_file) && h->children < CHILDREN_COUNT &&
           h->at_exit < AT_EXIT_COUNT && h->cpu_report < CPUS_COUNT && h->process_distribution < PROC_DIST_COUNT &&
           shares_are_sound(plan, h) && pools_are_sound(plan, h);
}

/* Sections lie behind the header, in the file, aligned; only then may their records be looked at. */
static bool sections_fit(const struct plan_header *header, size_t size)
{
    for (unsigned i = 0; i < PLAN_SECTION_COUNT; i++) {
        const struct plan_section *section = &header->sections[i];
        uint64_t end = section->offset + (uint64_t)section->count * plan_record_size[i];
        if (section->offset < sizeof(*header) || section->offset % 8 != 0 || end > size)
            return false;
    }
    return true;
}

static void fill_view(struct plan_view *view, const void *data)
{
    const char *bytes = data;
    const struct plan_header *header = data;
#define AT(section) (const void *)(bytes + header->sections[section].offset)
    *view = (struct plan_view){
        .header = header,
        .strings = AT(PLAN_STRINGS),
        .rules = AT(PLAN_RULES),
        .clauses = AT(PLAN_CLAUSES),
        .conditions = AT(PLAN_CONDITIONS),
        .patterns = AT(PLAN_PATTERNS),
        .ranges = AT(PLAN_RANGES),
        .slots = AT(PLAN_SLOTS),
        .masks = AT(PLAN_MASKS),
        .words = AT(PLAN_WORDS),
        .cpus = AT(PLAN_CPUS),
        .nodes = AT(PLAN_NODES),
        .distances = AT(PLAN_DISTANCES),
        .targets = AT(PLAN_TARGETS),
        .labels = AT(PLAN_LABELS),
        .mapping_rules = AT(PLAN_MAPPING_RULES),
        .exchanges = AT(PLAN_EXCHANGES),
    };
#undef AT
    for (unsigned i = 0; i < PLAN_SECTION_COUNT; i++)
        view->count[i] = header->sections[i].count;
}

/* Texts are read up to their NUL, so the section's last byte must be one, and offset 0 the empty text. */
static bool strings_are_sound(const struct plan_view *plan)
{
    uint32_t count = plan->count[PLAN_STRINGS];
    return count > 0 && plan->strings[0] == '\0' && plan->strings[count - 1] == '\0';
}

int plan_check(struct plan_view *ret_view, const void *data, size_t size, const char **ret_what)
{
    static const struct {
        bool (*is_sound)(const struct plan_view *plan);
        const char *what;
    } checks[] = {
        {strings_are_sound, "the texts"},       {masks_are_sound, "the CPU and node masks"},
        {machine_is_sound, "the machine"},      {conditions_are_sound, "the conditions"},
        {slots_are_sound, "the slots"},         {header_is_sound, "the header"},
        {rules_are_sound, "the rules"},         {mapping_rules_are_sound, "the mapping rules"},
        {exchanges_are_sound, "the exchanges"},
    };
    const struct plan_header *header = data;
    const char *unused;
    if (!ret_what)
        ret_what = &unused;

    *ret_what = "the size";
    if (size < sizeof(*header) || size > PLAN_MAX_SIZE || size % 8 != 0)
        return -EINVAL;
    *ret_what = "the magic number";
    if (header->magic != PLAN_MAGIC)
        return -EINVAL;
    *ret_what = "the version";
    if (header->version != PLAN_VERSION || header->header_size != sizeof(*header))
        return -EPROTONOSUPPORT;
    *ret_what = "the size";
    if (header->total_size != size)
        return -EINVAL;
    *ret_what = "the checksum";
    if (header->checksum != plan_checksum(data, size))
        return -EINVAL;
    *ret_what = "the sections";
    if (!sections_fit(header, size))
        return -EINVAL;

    struct plan_view view;
    fill_view(&view, data);
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
        *ret_what = checks[i].what;
        if (!checks[i].is_sound(&view))
            return -EINVAL;
    }
    *ret_what = NULL;
    *ret_view = view;
    return 0;
}
