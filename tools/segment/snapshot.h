/*
 * snapshot: a consistent copy of one telemetry segment with the plan it refers to. The segment belongs to
 * another process that may be of another version, hostile, or just writing: everything is checked and copied
 * before it is looked at.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_SNAPSHOT_H
#define NODEWISE_TOOLS_SEGMENT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/plan.h"
#include "shim/base/segment_layout.h"
#include "tools/common/read_file.h"
#include "tools/segment/outside_record.h"
#include "tools/segment/segment_file.h"

#define SEGMENT_RULES_MOST 65536u /* rules, or mapping rules, of a plan */

struct snapshot {
    struct segment_header header;
    struct segment_rule *rules;
    size_t rule_count;              /* one more than the plan's rules: the last is "no rule" */
    struct segment_thread *threads; /* THREAD_FREE ones left out; in order of index */
    size_t thread_count;
    struct segment_event *events; /* oldest first */
    size_t event_count;
    struct segment_region *regions; /* of the arenas, opened ones only */
    uint32_t *region_numbers;       /* of each, as the arenas' records name it */
    size_t region_count;
    struct segment_mapping *mappings; /* by index in PLAN_MAPPING_RULES */
    size_t mapping_count;
    struct segment_arena *arenas;
    size_t arena_count;
    struct segment_seen seen;
    struct segment_named *pools; /* of the C interface */
    size_t pool_count;
    struct segment_worker *workers; /* of these: pool is below or equal to pool_count, and not 0 */
    size_t worker_count;
    struct segment_named *exchanges; /* of the C interface */
    size_t exchange_count;
    struct segment_peer *peers; /* their workers: exchange is below or equal to exchange_count, and not 0 */
    size_t peer_count;
    struct segment_flow *flows; /* likewise */
    size_t flow_count;
    char *strings;       /* header.strings_used bytes, NUL-terminated at the end */
    const char *missing; /* NULL; or why there is no file, and this is from the memory of the process: "no space" */
    bool from_outside;   /* `nodewise apply` governs the process; `outside` is what it left */
    pid_t watcher;       /* the command that goes on to do so, or 0 */
    struct outside_record outside;
    bool alive; /* the process exists and is the one that wrote this */
    void *plan_data;
    size_t plan_size;
    struct plan_view plan;
    bool has_plan;   /* the plan file is there and is the one that the process carries out */
    int plan_error;  /* 0, or why it has none: -ESTALE: the file is another plan by now; or another negative errno */
    size_t changing; /* thread records that would not hold still */
};

/*
 * A copy of a segment that was found, and of its plan where that is a file of root or of the process's user. header.uid
 * becomes what the kernel says. 0; -EPROTONOSUPPORT: of another version; -EINVAL: not a segment, damaged, or it says
 * that it is another process's; -ENODATA: cut short meanwhile; or another negative errno.
 */
int snapshot_read(struct snapshot *ret_snapshot, const struct segment_file *file);
/* The same of bytes in memory, without a plan; nothing of them is looked at again. `alive` is left false. */
int snapshot_copy(struct snapshot *ret_snapshot, const struct file_bytes *file);
/* The same of bytes that the process hands over at its end, with the plan. */
int snapshot_take(struct snapshot *ret_snapshot, const struct file_bytes *bytes);
/* Takes the bytes as its plan. 0; -ESTALE: it is another one; or as plan_check(). */
int snapshot_take_plan(struct snapshot *snapshot, struct file_bytes *file);
void snapshot_free(struct snapshot *snapshot);
/* The arenas' region of that number, or NULL. */
const struct segment_region *snapshot_region(const struct snapshot *snapshot, uint32_t number);
/* The name of a rule: "(base)" for none, NULL where the plan is gone and rules have numbers only. */
const char *snapshot_rule_name(const struct snapshot *snapshot, uint32_t rule);
const char *snapshot_string(const struct snapshot *snapshot, uint16_t offset);

/* What the policy is called: "" where that is not known. */
const char *snapshot_policy(const struct snapshot *snapshot);

/*
 * Opens a process for a view that needs it, or says why not: EXIT_OK, or EXIT_NO_PROCESS after a word about
 * whether the process is missing, carries no shim, or carries one that is dormant.
 */
int snapshot_of(struct snapshot *ret_snapshot, pid_t pid);

#endif
