/*
 * segment: writes the process's telemetry (base/segment_layout.h). Until segment_open(), after segment_leave() and when
 * nothing can be mapped, every function does nothing: placement never depends on telemetry.
 *
 * Any thread, signal-safe, no locks, no allocation, errno kept. Only one thread at a time may call segment_open() and
 * segment_close().
 */
#ifndef NODEWISE_SHIM_TELEMETRY_SEGMENT_H
#define NODEWISE_SHIM_TELEMETRY_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/reason.h"
#include "shim/base/segment_layout.h"

struct thread;

/* Makes the segment of this process from `shim`. Where no file is possible (store.h) it notes REASON_NO_SEGMENT. */
void segment_open(void);
bool segment_is_open(void);
/*
 * Makes the segment one for the plan that is in force now: in its place where the plan's tables have room there. Else
 * it makes another one, and the old mapping stays, because other threads may still write to it.
 */
void segment_replace(void);
void segment_reloaded(enum reason reason);
/* Notes that the process has handled the request with that number. */
void segment_answered(uint32_t request);
/*
 * Adds what only /proc knows: the program's path and start time. It is separate from segment_open() because it costs a
 * third of a start-up, and most processes that a service starts never make a thread. Does its work once.
 */
void segment_details(void);
/* Forgets the mapping and does not touch its contents, which are the parent's. */
void segment_leave(void);
/* Writes the end of the process. keep: the file stays, for the report; otherwise it is removed. */
void segment_close(bool keep);

/* The segment, for the other writers in this folder. NULL when there is none. */
struct segment_header *segment_mapped(void);
/* Its bytes. */
size_t segment_size(void);
/*
 * Where the tables of the newest segment are: the library's own copy, because any process of the user may write into
 * the file. With the header of a segment that was replaced the result may lie outside; room_has() says so.
 */
extern struct segment_section segment_sections[SEGMENT_SECTIONS] __attribute__((visibility("hidden")));
static inline void *segment_table(struct segment_header *header, enum segment_section_id id)
{
    return (char *)header + segment_sections[id].offset;
}

void segment_state(enum segment_state state, unsigned reason);
void segment_start_cost(uint32_t nanoseconds);
void segment_thread(const struct thread *thread, enum segment_thread_state state);
void segment_string(uint32_t offset, const char *text, size_t size);

struct event {
    enum segment_event_kind kind;
    uint32_t tid, rule, value; /* rule: index or PLAN_NONE */
    uint8_t outcome, reason;
    const char *text; /* may be NULL; cut at 15 bytes */
};
void segment_event(const struct event *event);

enum segment_counter { COUNT_STARTED, COUNT_ENDED, COUNT_UNLISTED, COUNT_RENAMES, COUNT_REFUSALS };
void segment_count(enum segment_counter counter);

/* mapping_rule: index in PLAN_MAPPING_RULES. */
void segment_mapping(uint32_t mapping_rule, uint64_t bytes, enum outcome outcome, enum reason reason);

/*
 * segment_moved() adds bytes that the worker moved to their users, and bytes that it could not move, by enum
 * segment_kept. segment_following() notes whether the worker looks for such bytes, or the reason why it does not.
 */
void segment_moved(uint64_t moved, const uint64_t *not_moved);
void segment_following(bool active, enum reason reason);

/* rule: index, or PLAN_NONE for threads without a rule. */
void segment_rule_entered(uint32_t rule);
void segment_rule_left(uint32_t rule);
void segment_rule_outcome(uint32_t rule, unsigned cpu_outcome, unsigned memory_outcome, enum step step);
void segment_rule_renamed(uint32_t rule);

#endif
