/*
 * filter: is there a seccomp filter that was set before the program, and what may be called under it?
 *
 * Whether a filter kills for a call can only be seen by trying, in a copy of the process (trial.h). Making the copy is
 * itself a call, so it is made only where something says that the filter does not kill for it:
 *
 *   - a container engine: a marker of it, and as many filters as the first process of the container has. The profiles of
 *     engines permit clone and answer other calls with an errno;
 *   - the user: NODEWISE_FILTER=try;
 *   - a rule with enforcement = "hard": the program is not to run unplaced, so trying risks nothing that is wanted;
 *   - the program, when it makes a thread: it is about to make that call itself.
 *
 * Until then the shim stays dormant with REASON_FILTERED, and what it may call stays as at load (sys/allowed.h).
 */
#ifndef NODEWISE_SHIM_START_FILTER_H
#define NODEWISE_SHIM_START_FILTER_H

#include <stdbool.h>

#include "policy/reason.h"

/*
 * Start-up, before any call that is not certain. hard: the plan has a hard rule. REASON_OK: there is no filter, or it is
 * known what may be called. Idempotent.
 */
enum reason filter_look(bool hard);

/*
 * The program is about to make a thread, and this one is the only one. false: what may be called could not be found
 * out.
 */
bool filter_look_at_thread(void);

#endif
