/*
 * The process ends by exit() or _exit() (shells and forked workers use the second). This file writes the segment's last
 * state and the report, and removes the segment's file.
 */
#include "shim/start/finish.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "shim/arena/check.h"
#include "shim/arena/stats.h"
#include "shim/base/environment.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/state.h"
#include "shim/memory/early.h"
#include "shim/place/board_file.h"
#include "shim/place/place.h"
#include "shim/start/helper.h"
#include "shim/start/share.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/telemetry/store.h"
#include "shim/worker/survey.h"

static bool reports ON_DATA_PAGE;           /* a report is due at the end */
static const char *helper ON_DATA_PAGE;     /* path of the command for the report; NULL: there is none */
static _Atomic uint32_t ended ON_DATA_PAGE; /* 1: the end has been written */

/* Looks the command up in advance: at the end the loader's lock may be held, or chroot may hide the folder. */
void finish_prepare_report(void)
{
    char path[PATH_MAX];
    reports = true;
    if (helper_path(path, sizeof(path)))
        helper = shim_keep(path);
}

void finish_forked(void)
{
    atomic_store(&ended, 0);
}

/* A forked child writes a report only where it gets a file of its own. */
static bool report_is_due(void)
{
    if (!reports || !shim.facts.forked)
        return reports;
    const char *file = environment_get("NODEWISE_REPORT");
    if (!file)
        file = plan_text(&shim.plan, shim.plan.header->report_file);
    return strstr(file, "{pid}") != NULL;
}

static bool report(const char *segment)
{
    const char *const arguments[] = {"nodewise", "report", "--segment", segment, "--final", NULL};
    return helper && helper_run(helper, arguments, NULL, 0) == 0;
}

/* Without a file: the command cannot read the memory of its parent everywhere, and then says so of the pages. */
static void report_from_memory(void)
{
    static const char *const arguments[] = {"nodewise", "report", "--segment", "-", "--final", NULL};
    segment_details();
    if (shim.plan.header->report_pages)
        survey_write();
    segment_close(true);
    if (helper)
        helper_feed(helper, arguments, segment_mapped(), segment_size());
}

void shim_finish(void)
{
    uint32_t open = 0;
    int saved = errno;
    char path[RUNTIME_PATH_SIZE + STORE_NAME_SIZE];
    arena_check();
    /* a stopped shim makes no system call that a sandbox could punish; a vfork child is another process */
    if (!shim_is_active() || !segment_is_open() || raw_getpid() != shim.pid || shim_was_forked())
        return;
    if (!atomic_compare_exchange_strong(&ended, &open, 1))
        return;
    if (place_adoptions())
        place_forget_gone(); /* no hook saw the end of adopted threads */
    if (reports) {
        stats_tell_all();
        early_tell();
    }
    share_leave();
    board_file_leave();
    segment_event(&(struct event){.kind = EVENT_EXIT, .tid = (uint32_t)shim.pid, .rule = PLAN_NONE});
    if (report_is_due() && store_path(path, sizeof(path)) == 0) {
        segment_details();
        if (shim.plan.header->report_pages)
            survey_write();
        segment_close(true);
        if (report(path))
            store_remove();
    } else if (report_is_due()) {
        report_from_memory();
    } else {
        segment_close(false);
    }
    errno = saved;
}

__attribute__((destructor)) static void destruct(void)
{
    shim_finish();
}
