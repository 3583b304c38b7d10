/*
 * record: what `apply` asked and got for one process, left for the views (tools/segment/outside_record.h). Numbers of it are of
 * the threads that live when it is written.
 */
#ifndef NODEWISE_TOOLS_APPLY_RECORD_H
#define NODEWISE_TOOLS_APPLY_RECORD_H

#include "policy/plan.h"
#include "tools/apply/moving.h"
#include "tools/apply/target.h"

/* What all records of a command have in common; the texts are the caller's. */
struct record_of {
    const struct plan_view *plan;
    const char *plan_path; /* the plan's file, or "" where no folder keeps it: views then know rules by number */
    const char *policy;    /* as the command calls it */
    bool is_bare, watches;
    int folder; /* where the records lie; -1: there is none yet */
};

/* One of a process. */
struct record {
    int fd;         /* of the file, which is locked while the process is watched; or -1 */
    size_t threads; /* of the process, when it was written */
};

#define RECORD_NONE ((struct record){.fd = -1})

/*
 * Replaces what was written before. 0; -EFBIG: the record would be larger than views read, or than this process may
 * write; or the negative errno for which no runtime folder takes it.
 */
int record_write(struct record *record, struct record_of *of, const struct target *target, const struct moving *memory);
/* The process has ended. */
void record_remove(struct record *record, const struct record_of *of, const struct target *target);
/* The record stays. */
void record_close(struct record *record);
void record_of_close(struct record_of *of);

#endif
