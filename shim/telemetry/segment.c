#include "shim/telemetry/segment.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/base/thread.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/room.h"
#include "shim/telemetry/store.h"
#include "shim/telemetry/texts.h"

/* NULL: there is no segment. Release store, acquire load in every writer. */
static _Atomic(struct segment_header *) mapped ON_DATA_PAGE;
static size_t mapped_size ON_DATA_PAGE;
struct segment_section segment_sections[SEGMENT_SECTIONS] ON_DATA_PAGE;
static _Atomic bool details_due ON_DATA_PAGE; /* the segment still lacks what /proc knows about the process */
static struct spare {
    uint32_t rules, mappings; /* records that the tables of the first plan have room for */
    uint32_t rules_at, mappings_at;
    uint32_t at; /* offset of SPARE_SIZE bytes for tables of later plans; never written before */
} spare ON_DATA_PAGE;

#define SPARE_SIZE   (32u << 10) /* 450 rules; a file has no pages there until it is needed */
#define SPARE_BEHIND SEGMENT_STRING_TABLE

struct segment_header *segment_mapped(void)
{
    return atomic_load_explicit(&mapped, memory_order_acquire);
}

size_t segment_size(void)
{
    return mapped_size;
}

static struct segment_header *segment(void)
{
    return segment_mapped();
}

static void *section(struct segment_header *header, enum segment_section_id id)
{
    return segment_table(header, id);
}

/* The layout's integers are plain. Only these functions touch the counters among them. */
static void add64(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void add32(uint32_t *counter, uint32_t amount)
{
    __atomic_fetch_add(counter, amount, __ATOMIC_RELAXED);
}

/* --- hot: one thread's record, events, counters --- */

static void fill(struct segment_thread *to, const struct thread *thread)
{
    to->tid = atomic_load_explicit(&thread->tid, memory_order_relaxed);
    to->creator_tid = thread->creator_tid;
    to->index = thread->index;
    memcpy(to->name, thread->name, sizeof(to->name));
    to->start_library = thread->start_library;
    to->start_function = thread->start_function;
    to->creator_library = thread->creator_library;
    to->creator_function = thread->creator_function;
    to->rule = thread->rule == PLAN_NONE ? UINT16_MAX : (uint16_t)thread->rule;
    to->flags = thread->flags;
    to->slot = thread->holds_pick ? thread->pick.slot : UINT32_MAX;
    to->cpu_outcome = thread->cpu_outcome;
    to->cpu_reason = thread->cpu_reason;
    to->mem_outcome = thread->memory_outcome;
    to->mem_reason = thread->memory_reason;
    to->why = thread->why;
    to->got_policy = thread->got_policy;
    to->got_nodes = thread->got_nodes;
    to->got_more_nodes = thread->got_more_nodes;
    to->got_cpus = thread->got_cpus;
    to->born_ms = thread->born_ms;
    to->home_node = thread->home_node < UINT16_MAX ? (uint16_t)thread->home_node : UINT16_MAX;
    to->stack_outcome = thread->stack_outcome;
    to->stack_reason = thread->stack_reason;
}

static uint16_t listed_text(uint16_t offset)
{
    return offset < SEGMENT_STRINGS ? offset : 0;
}

/* Only the owner of a record publishes it, so `seq` has one writer at a time. */
void segment_thread(const struct thread *thread, enum segment_thread_state state)
{
    struct segment_header *header = segment();
    uint32_t seq, slot;
    if (!header || thread->number >= SEGMENT_THREADS)
        return;
    struct segment_thread *to = (struct segment_thread *)section(header, SEGMENT_THREAD_TABLE) + thread->number;
    if (!room_has(to, sizeof(*to)))
        return;
    seq = __atomic_load_n(&to->seq, __ATOMIC_RELAXED) | 1;
    __atomic_store_n(&to->seq, seq, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* odd before any field; pairs with the reader's acquire fence */
    slot = to->slot;
    fill(to, thread);
    if (state == THREAD_ENDED)
        to->slot = slot; /* the slot is already given back, but a report at the end shows which one the thread had */
    to->state = (uint8_t)state;
    to->start_library = listed_text(to->start_library);
    to->start_function = listed_text(to->start_function);
    to->creator_library = listed_text(to->creator_library);
    to->creator_function = listed_text(to->creator_function);
    __atomic_store_n(&to->seq, seq + 1, __ATOMIC_RELEASE); /* even after all fields; pairs with its first load */
}

void segment_event(const struct event *event)
{
    struct segment_header *header = segment();
    if (!header)
        return;
    uint64_t number = __atomic_add_fetch(&header->events_written, 1, __ATOMIC_RELAXED);
    struct segment_event *to =
        (struct segment_event *)section(header, SEGMENT_EVENT_TABLE) + (number - 1) % SEGMENT_EVENTS;
    if (!room_has(to, sizeof(*to)))
        return;
    __atomic_store_n(&to->number, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* as in segment_thread */
    to->time_ns = monotonic_ns() - header->start_monotonic;
    to->tid = event->tid;
    to->kind = (uint16_t)event->kind;
    to->rule = event->rule == PLAN_NONE ? UINT16_MAX : (uint16_t)event->rule;
    to->value = event->value;
    to->outcome = event->outcome;
    to->reason = event->reason;
    to->reserved = 0;
    memset(to->text, 0, sizeof(to->text));
    if (event->text)
        write_text(&(struct text_writer){to->text, sizeof(to->text), 0}, event->text);
    __atomic_store_n(&to->number, number, __ATOMIC_RELEASE);
}

void segment_count(enum segment_counter counter)
{
    struct segment_header *header = segment();
    if (!header)
        return;
    switch (counter) {
    case COUNT_STARTED:
        add64(&header->threads_started);
        break;
    case COUNT_ENDED:
        add64(&header->threads_ended);
        break;
    case COUNT_UNLISTED:
        add64(&header->threads_unlisted);
        break;
    case COUNT_RENAMES:
        add64(&header->renames);
        break;
    case COUNT_REFUSALS:
        add64(&header->kernel_refusals);
        break;
    }
}

void segment_mapping(uint32_t mapping_rule, uint64_t bytes, enum outcome outcome, enum reason reason)
{
    struct segment_header *header = segment();
    if (!header || mapping_rule >= segment_sections[SEGMENT_MAPPING_TABLE].capacity)
        return;
    struct segment_mapping *to = (struct segment_mapping *)section(header, SEGMENT_MAPPING_TABLE) + mapping_rule;
    if (!room_has(to, sizeof(*to)))
        return;
    add64(&to->mappings);
    __atomic_fetch_add(&to->bytes, bytes, __ATOMIC_RELAXED);
    add32(outcome == OUTCOME_STRICT ? &to->strict : outcome == OUTCOME_NONE ? &to->none : &to->best_effort, 1);
    if (outcome != OUTCOME_STRICT)
        __atomic_store_n(&to->reason, (uint32_t)reason, __ATOMIC_RELAXED);
}

void segment_moved(uint64_t moved, const uint64_t *not_moved)
{
    struct segment_header *header = segment();
    if (!header)
        return;
    __atomic_fetch_add(&header->bytes_moved, moved, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < SEGMENT_KEPT; i++) {
        __atomic_fetch_add(&header->not_moved[i], not_moved[i], __ATOMIC_RELAXED);
        __atomic_fetch_add(&header->bytes_not_moved, not_moved[i], __ATOMIC_RELAXED);
    }
}

void segment_following(bool active, enum reason reason)
{
    struct segment_header *header = segment();
    if (!header)
        return;
    __atomic_store_n(&header->following, active, __ATOMIC_RELAXED);
    __atomic_store_n(&header->follow_reason, (uint32_t)reason, __ATOMIC_RELAXED);
}

/* NULL: there is no segment, or another one by now. */
static struct segment_rule *rule_record(uint32_t rule)
{
    struct segment_header *header = segment();
    uint32_t count = segment_sections[SEGMENT_RULE_TABLE].capacity;
    if (!header)
        return NULL;
    struct segment_rule *record =
        (struct segment_rule *)section(header, SEGMENT_RULE_TABLE) + (rule < count ? rule : count - 1);
    return room_has(record, sizeof(*record)) ? record : NULL;
}

void segment_rule_entered(uint32_t rule)
{
    struct segment_rule *to = rule_record(rule);
    if (!to)
        return;
    add64(&to->placed);
    add32(&to->live, 1);
}

void segment_rule_left(uint32_t rule)
{
    struct segment_rule *to = rule_record(rule);
    if (to)
        add32(&to->live, UINT32_MAX);
}

void segment_rule_outcome(uint32_t rule, unsigned cpu_outcome, unsigned memory_outcome, enum step step)
{
    struct segment_rule *to = rule_record(rule);
    if (!to)
        return;
    if (cpu_outcome == OUTCOME_STRICT)
        add32(&to->strict, 1);
    else if (cpu_outcome == OUTCOME_BEST_EFFORT)
        add32(&to->best_effort, 1);
    else if (cpu_outcome == OUTCOME_NONE)
        add32(&to->none, 1);
    if (memory_outcome == OUTCOME_STRICT)
        add32(&to->mem_strict, 1);
    else if (memory_outcome == OUTCOME_BEST_EFFORT)
        add32(&to->mem_best_effort, 1);
    else if (memory_outcome == OUTCOME_NONE)
        add32(&to->mem_none, 1);
    add32(&to->steps[step], 1);
}

void segment_rule_renamed(uint32_t rule)
{
    struct segment_rule *to = rule_record(rule);
    if (to)
        add32(&to->renamed, 1);
}

static void raise_strings_used(struct segment_header *header, uint32_t end)
{
    uint32_t used = __atomic_load_n(&header->strings_used, __ATOMIC_RELAXED);
    while (used < end &&
           !__atomic_compare_exchange_n(&header->strings_used, &used, end, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

void segment_string(uint32_t offset, const char *text, size_t size)
{
    struct segment_header *header = segment();
    if (!header || offset + size > SEGMENT_STRINGS ||
        !room_has((char *)section(header, SEGMENT_STRING_TABLE) + offset, size))
        return;
    memcpy((char *)section(header, SEGMENT_STRING_TABLE) + offset, text, size);
    raise_strings_used(header, (uint32_t)(offset + size));
}

void segment_state(enum segment_state state, unsigned reason)
{
    struct segment_header *header = segment();
    if (!header)
        return;
    __atomic_store_n(&header->state_reason, reason, __ATOMIC_RELAXED);
    __atomic_store_n(&header->state, state, __ATOMIC_RELEASE);
}

void segment_start_cost(uint32_t nanoseconds)
{
    struct segment_header *header = segment();
    if (header)
        __atomic_store_n(&header->start_cost_ns, nanoseconds, __ATOMIC_RELAXED);
}

/* --- cold: a segment is made --- */

static size_t lay_out(struct segment_section *ret_sections, uint32_t rules)
{
    const struct segment_section wanted[SEGMENT_SECTIONS] = {
        [SEGMENT_RULE_TABLE] = {0, sizeof(struct segment_rule), rules + 1, 0},
        [SEGMENT_THREAD_TABLE] = {0, sizeof(struct segment_thread), SEGMENT_THREADS, 0},
        [SEGMENT_EVENT_TABLE] = {0, sizeof(struct segment_event), SEGMENT_EVENTS, 0},
        [SEGMENT_STRING_TABLE] = {0, 1, SEGMENT_STRINGS, 0},
        [SEGMENT_REGION_TABLE] = {0, sizeof(struct segment_region), SEGMENT_REGIONS, 0},
        [SEGMENT_ARENA_TABLE] = {0, sizeof(struct segment_arena), SEGMENT_ARENAS, 0},
        [SEGMENT_MAPPING_TABLE] = {0, sizeof(struct segment_mapping), shim.plan.count[PLAN_MAPPING_RULES], 0},
        [SEGMENT_SEEN_TABLE] = {0, sizeof(struct segment_seen), 1, 0},
        [SEGMENT_POOL_TABLE] = {0, sizeof(struct segment_named), SEGMENT_POOLS, 0},
        [SEGMENT_WORKER_TABLE] = {0, sizeof(struct segment_worker), SEGMENT_WORKERS, 0},
        [SEGMENT_EXCHANGE_TABLE] = {0, sizeof(struct segment_named), SEGMENT_EXCHANGES, 0},
        [SEGMENT_PEER_TABLE] = {0, sizeof(struct segment_peer), SEGMENT_PEERS, 0},
        [SEGMENT_FLOW_TABLE] = {0, sizeof(struct segment_flow), SEGMENT_FLOWS, 0},
    };
    /* the first events share a page with the header, so the main thread's record needs only one more page */
    const enum segment_section_id order[SEGMENT_SECTIONS] = {
        SEGMENT_RULE_TABLE,     SEGMENT_EVENT_TABLE,   SEGMENT_THREAD_TABLE, SEGMENT_STRING_TABLE, SEGMENT_REGION_TABLE,
        SEGMENT_ARENA_TABLE,    SEGMENT_MAPPING_TABLE, SEGMENT_SEEN_TABLE,   SEGMENT_POOL_TABLE,   SEGMENT_WORKER_TABLE,
        SEGMENT_EXCHANGE_TABLE, SEGMENT_PEER_TABLE,    SEGMENT_FLOW_TABLE};
    size_t offset = (sizeof(struct segment_header) + 63) & ~(size_t)63;

    for (unsigned i = 0; i < SEGMENT_SECTIONS; i++) {
        struct segment_section *one = &ret_sections[order[i]];
        *one = wanted[order[i]];
        one->offset = (uint32_t)offset;
        offset += (size_t)one->record_size * one->capacity;
        offset = (offset + 63) & ~(size_t)63;
        offset += order[i] == SPARE_BEHIND ? SPARE_SIZE : 0;
    }
    return offset;
}

static void note_spare(const struct segment_section *sections)
{
    spare = (struct spare){
        .rules = sections[SEGMENT_RULE_TABLE].capacity,
        .mappings = sections[SEGMENT_MAPPING_TABLE].capacity,
        .rules_at = sections[SEGMENT_RULE_TABLE].offset,
        .mappings_at = sections[SEGMENT_MAPPING_TABLE].offset,
        .at = (sections[SPARE_BEHIND].offset + SEGMENT_STRINGS + 63) & ~63u,
    };
}

static void copy_text(char *to, size_t size, const char *text)
{
    if (text)
        write_text(&(struct text_writer){to, size, 0}, text);
}

static void fill_header(struct segment_header *header, const struct segment_section *sections, size_t size)
{
    const struct base_state *base = &shim.base;
    uint32_t words = base->words < SEGMENT_MASK_WORDS ? (uint32_t)base->words : SEGMENT_MASK_WORDS;
    header->version = SEGMENT_VERSION;
    header->header_size = sizeof(*header);
    header->total_size = size;
    header->state = SEGMENT_STARTING;
    header->pid = (uint32_t)shim.pid;
    header->ppid = (uint32_t)raw_getppid();
    header->start_realtime = shim.start_realtime;
    header->start_monotonic = shim.start_monotonic;
    header->plan_checksum = shim.plan.header->checksum;
    header->forked = shim.facts.forked;
    header->uid = shim.uid;
    memcpy(header->sections, sections, sizeof(header->sections));
    copy_text(header->comm, sizeof(header->comm), shim.facts.comm);
    copy_text(header->exe, sizeof(header->exe), shim.facts.exe);
    copy_text(header->plan_path, sizeof(header->plan_path), shim.plan_path);
    memcpy(header->base_mask, base->mask, words * 8);
    header->base_mask_words = words;
}

/* When other threads write to it, since what they add now is not copied. */
static void publish(struct segment_header *header)
{
    if (texts_exist() && room_has(section(header, SEGMENT_STRING_TABLE), SEGMENT_STRINGS))
        raise_strings_used(header, (uint32_t)texts_copy(section(header, SEGMENT_STRING_TABLE), SEGMENT_STRINGS));
    __atomic_store_n(&header->magic, SEGMENT_MAGIC, __ATOMIC_RELEASE); /* last: readers may open the file before */
}

void segment_open(void)
{
    struct segment_section sections[SEGMENT_SECTIONS];
    size_t size = lay_out(sections, shim.plan.count[PLAN_RULES]);
    int saved = errno;
    size_t at_once = sections[SEGMENT_EVENT_TABLE].offset + sizeof(struct segment_event);
    struct segment_header *header = store_map(size, at_once);
    if (!store_has_file())
        atomic_store_explicit(&shim.reason, REASON_NO_SEGMENT, memory_order_relaxed);
    errno = saved;
    if (!header)
        return;
    mapped_size = size;
    note_spare(sections);
    memcpy(segment_sections, sections, sizeof(segment_sections));
    fill_header(header, sections, size);
    atomic_store_explicit(&details_due, true, memory_order_relaxed);
    atomic_store_explicit(&mapped, header, memory_order_release);
    publish(header);
}

void segment_details(void)
{
    struct segment_header *header = segment();
    int saved = errno;
    ssize_t length;
    if (!header || !atomic_load_explicit(&details_due, memory_order_relaxed) || !atomic_exchange(&details_due, false))
        return;
    if (!*header->exe) {
        length = raw_readlink("/proc/self/exe", header->exe, sizeof(header->exe) - 1);
        header->exe[length > 0 ? length : 0] = '\0';
    }
    __atomic_store_n(&header->start_ticks, facts_start_ticks(0), __ATOMIC_RELAXED);
    errno = saved;
}

/* --- another plan --- */

/* The counters that run from the start of the process. */
static void keep_counters(struct segment_header *to, const struct segment_header *from)
{
    to->start_cost_ns = from->start_cost_ns;
    to->threads_started = from->threads_started;
    to->threads_ended = from->threads_ended;
    to->threads_unlisted = from->threads_unlisted;
    to->renames = from->renames;
    to->kernel_refusals = from->kernel_refusals;
    to->bytes_moved = from->bytes_moved;
    to->bytes_not_moved = from->bytes_not_moved;
    memcpy(to->not_moved, from->not_moved, sizeof(to->not_moved));
    to->following = from->following;
    to->follow_reason = from->follow_reason;
    to->request_wanted = from->request_wanted;
}

/* Where the tables that depend on the plan have room in this segment. false: nowhere. */
static bool fit_tables(struct segment_section *sections, const struct segment_header *header)
{
    struct segment_section *rules = &sections[SEGMENT_RULE_TABLE], *mappings = &sections[SEGMENT_MAPPING_TABLE];
    rules->capacity = shim.plan.count[PLAN_RULES] + 1;
    mappings->capacity = shim.plan.count[PLAN_MAPPING_RULES];
    if (rules->capacity <= spare.rules && mappings->capacity <= spare.mappings) {
        rules->offset = spare.rules_at;
        mappings->offset = spare.mappings_at;
        return true;
    }
    uint64_t size =
        (uint64_t)rules->capacity * rules->record_size + (uint64_t)mappings->capacity * mappings->record_size;
    rules->offset = spare.at;
    mappings->offset = spare.at + rules->capacity * rules->record_size;
    return size <= SPARE_SIZE && room_has((const char *)header + spare.at, size);
}

/* Pages that no record was written to are left alone. */
static void clear_table(struct segment_header *header, const struct segment_section *table)
{
    for (uint32_t i = 0; i < table->capacity; i++) {
        char *record = (char *)header + table->offset + (size_t)i * table->record_size;
        if (room_has_already(record, table->record_size))
            memset(record, 0, table->record_size);
    }
}

/*
 * Makes the segment one of the plan that is in force now, in its place: a process that has dropped its privileges could
 * make no other file, and what stays mapped for each plan would add up. Nothing of the old plan's numbers is left. Other
 * threads may still count something at an old place, which is lost. false: the tables do not fit.
 */
static bool renew(struct segment_header *header)
{
    struct segment_section sections[SEGMENT_SECTIONS];
    memcpy(sections, segment_sections, sizeof(sections));
    if (!header || !fit_tables(sections, header))
        return false;
    __atomic_store_n(&header->magic, 0, __ATOMIC_SEQ_CST); /* no reader takes it meanwhile */
    memcpy(segment_sections, sections, sizeof(segment_sections));
    clear_table(header, &sections[SEGMENT_RULE_TABLE]);
    clear_table(header, &sections[SEGMENT_MAPPING_TABLE]);
    clear_table(header, &sections[SEGMENT_THREAD_TABLE]);
    clear_table(header, &sections[SEGMENT_EVENT_TABLE]);
    clear_table(header, &sections[SEGMENT_ARENA_TABLE]);
    memset(header->plan_path, 0, sizeof(header->plan_path));
    memset(header->base_mask, 0, sizeof(header->base_mask));
    fill_header(header, sections, mapped_size);
    publish(header);
    return true;
}

void segment_replace(void)
{
    if (renew(segment())) {
        segment_details();
        segment_state(SEGMENT_ACTIVE, REASON_OK);
        return;
    }
    struct segment_header *before = atomic_exchange(&mapped, NULL);
    store_remove();
    segment_open();
    struct segment_header *header = segment();
    if (before && header)
        keep_counters(header, before);
    if (before)
        __atomic_store_n(&before->magic, 0, __ATOMIC_RELAXED); /* what stays mapped is no segment any more */
    segment_details();
    segment_state(SEGMENT_ACTIVE, REASON_OK);
}

void segment_reloaded(enum reason reason)
{
    struct segment_header *header = segment();
    if (header)
        __atomic_store_n(&header->reload_reason, reason, __ATOMIC_RELAXED);
}

void segment_answered(uint32_t request)
{
    struct segment_header *header = segment();
    if (header)
        __atomic_store_n(&header->request_done, request, __ATOMIC_RELEASE);
}

bool segment_is_open(void)
{
    return segment() != NULL;
}

void segment_leave(void)
{
    struct segment_header *header = atomic_exchange(&mapped, NULL);
    int saved = errno;
    if (header)
        raw_munmap(header, mapped_size);
    errno = saved;
    store_leave();
}

void segment_close(bool keep)
{
    struct segment_header *header = segment();
    if (!header)
        return;
    segment_state(SEGMENT_ENDED, atomic_load_explicit(&shim.reason, memory_order_relaxed));
    if (!keep)
        store_remove();
}
