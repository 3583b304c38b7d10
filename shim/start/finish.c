/*
 * The process ends by exit() or _exit() (shells and forked workers use the second): the segment's last state, the
 * report, and the file's removal.
 */
#include "shim/start/finish.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shim/arena/check.h"
#include "shim/arena/stats.h"
#include "shim/base/environment.h"
#include "shim/base/state.h"
#include "shim/place/place.h"
#include "shim/start/helper.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/survey.h"

/* A forked child writes a report of its own only where it gets a file of its own. */
static bool report_is_due(void)
{
    if (!shim.reports || !shim.facts.forked)
        return shim.reports;
    const char *file = environment_get("NODEWISE_REPORT");
    if (!file)
        file = plan_text(&shim.plan, shim.plan.header->report_file);
    return strstr(file, "{pid}") != NULL;
}

static bool report(const char *segment)
{
    const char *const arguments[] = {"nodewise", "report", "--segment", segment, "--final", NULL};
    return shim.helper && helper_run(shim.helper, arguments, NULL, 0) == 0;
}

void shim_finish(void)
{
    uint32_t open = 0;
    int saved = errno;
    char path[96];
    arena_check();
    /* a stopped shim makes no system call that a sandbox could mind; vfork children are not this process */
    if (!shim_is_active() || !segment_is_open() || raw_getpid() != shim.pid || shim_was_forked())
        return;
    if (!atomic_compare_exchange_strong(&shim.finished, &open, 1))
        return;
    if (place_adoptions())
        place_forget_gone(); /* nobody told of their end */
    if (shim.reports)
        stats_tell_all();
    segment_event(&(struct event){.kind = EVENT_EXIT, .tid = (uint32_t)shim.pid, .rule = PLAN_NONE});
    if (report_is_due() && segment_path(path, sizeof(path))) {
        segment_details();
        if (shim.plan.header->report_pages)
            survey_write();
        segment_close(true);
        if (report(path))
            segment_remove_stale();
    } else {
        segment_close(false);
    }
    errno = saved;
}

__attribute__((destructor)) static void destruct(void)
{
    shim_finish();
}
