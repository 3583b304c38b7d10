/*
 * session: the processes of one `apply`, from the first placing to the end of the last of them. All of them share the places
 * of the plan. Looking again costs a system call or two a process while nothing happens.
 */
#ifndef NODEWISE_TOOLS_APPLY_SESSION_H
#define NODEWISE_TOOLS_APPLY_SESSION_H

#include "tools/apply/moving.h"
#include "tools/apply/placing.h"

struct session {
    struct placing placing;
    struct target *targets; /* the caller's */
    struct moving *memory;  /* one of each target */
    size_t count;
    uint64_t budget;   /* see moving_ask() */
    double interval;   /* seconds between two looks */
    double closely_at; /* when every thread is looked at again, */
    double move_at;    /* and when memory may be moved again */
};

/* Of these processes, which are open. Free it with session_free(). 0 or -ENOMEM. */
int session_init(struct session *ret_session, const struct plan_view *plan, struct target *targets, size_t count,
                 bool dry_run);
void session_free(struct session *session);

/* Places all threads, and moves what one pass may move. 0, or a negative errno: memory is short, or /proc cannot be read. */
int session_place(struct session *session);
/* Is there anything that the caller has not told? */
bool session_has_news(const struct session *session);
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
