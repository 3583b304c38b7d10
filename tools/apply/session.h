/*
 * session: the processes of one `apply`, from the first placing to the end of the last of them. All of them share the places
 * of the plan. While it watches, the children of them belong to it, too, and theirs. Looking again costs a system call or two
 * a process while nothing happens. What was asked and got is recorded for the views as it changes.
 */
#ifndef NODEWISE_TOOLS_APPLY_SESSION_H
#define NODEWISE_TOOLS_APPLY_SESSION_H

#include "tools/apply/children.h"
#include "tools/apply/moving.h"
#include "tools/apply/placing.h"
#include "tools/apply/record.h"

struct governed {
    struct target target;
    struct moving memory;
    struct record record;
    bool is_child;      /* of another one of the session */
    bool is_left_alone; /* the library is in it by now, or it is a child that is no target; it may become one again */
    bool is_told;       /* the caller's: it was told of */
};

struct session {
    struct placing placing;
    struct governed **processes; /* those that were named first; each has an address of its own, which stays */
    size_t count, room;
    struct record_of records; /* the plan and the policy's name are the caller's to set before session_place() */
    int record_error;         /* 0, or the negative errno for which the last record could not be written */
    struct child_search children;
    bool with_children; /* while it watches; the caller's to set */
    int child_error;    /* 0, or the negative errno for which the last child could not be opened */
    uint64_t budget;    /* see moving_ask() */
    double interval;    /* seconds between two looks */
    double first;       /* of the first ones; each pause is twice as long as the one before, up to the interval */
    double closely_at;  /* when every thread is looked at again, */
    double move_at;     /* and when memory may be moved again */
};

/* Of no process yet. Free it with session_free(). 0 or -ENOMEM. */
int session_init(struct session *ret_session, const struct plan_view *plan, bool dry_run);
/* Processes are closed, and keep what they have. */
void session_free(struct session *session);

/* Room for one more process, which is not open yet: target_open() it, or session_drop() it. NULL: memory is short. */
struct governed *session_add(struct session *session);
void session_drop(struct session *session, struct governed *governed);

/* Places all threads, and moves what one pass may move. 0, or a negative errno: memory is short, or /proc cannot be read. */
int session_place(struct session *session);
/* Is there anything that the caller has not told? */
bool session_has_news(const struct session *session);
/* For a caller that tells nothing. */
void session_forget_news(struct session *session);
/* Has every thread what was asked, and was no memory refused? */
bool session_is_as_asked(const struct session *session);

/* From now on SIGTERM, SIGINT and SIGHUP end session_watch(), but for those that are ignored. */
void session_take_signals(void);
/*
 * Waits for an interval, the end of a process or a signal, and places what is new. *ret_over: a signal came, or no process is
 * left. As session_place().
 */
int session_watch(struct session *session, bool *ret_over);

#endif
