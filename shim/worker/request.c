#include "shim/worker/request.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/start/reload.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/telemetry/store.h"
#include "shim/telemetry/survey_layout.h"
#include "shim/worker/survey.h"
#include "shim/worker/worker.h"

static _Atomic uint32_t seen; /* the last request that the worker has taken */

static uint32_t wanted(void)
{
    const struct segment_header *header = segment_mapped();
    return header ? __atomic_load_n(&header->request_wanted, __ATOMIC_ACQUIRE) : 0;
}

bool request_is_due(void)
{
    return shim_is_active() && wanted() != atomic_load_explicit(&seen, memory_order_relaxed);
}

void request_look(void)
{
    int saved = errno;
    if (LIKELY(!request_is_due()))
        return;
    worker_wake();
    errno = saved;
}

void request_forked(void)
{
    atomic_store(&seen, 0);
}

/* Reads the file and removes it. Returns its length; negative: there is none. */
static ssize_t take_file(const char *suffix, char *ret_text, size_t size)
{
    char name[STORE_NAME_SIZE];
    int folder = store_beside(suffix, name);
    ssize_t length = -1;
    if (folder < 0)
        return -1;
    int fd = raw_openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd >= 0) {
        length = raw_read(fd, ret_text, size - 1);
        raw_close(fd);
        raw_unlinkat(folder, name);
    }
    raw_close(folder);
    ret_text[length > 0 ? length : 0] = '\0';
    return length;
}

/*
 * Nothing lies beside a segment that is in memory alone: the path, or the suffix that asks for a survey, is in it, written
 * by who may write to the process's memory. What a path names passes the checks of a plan like any other.
 */
static bool take_path(char *ret_path, size_t size)
{
    struct segment_header *header = segment_mapped();
    if (store_has_file() || !header || size > sizeof(header->request_path))
        return false;
    memcpy(ret_path, header->request_path, size);
    ret_path[size - 1] = '\0';
    header->request_path[0] = '\0';
    return *ret_path != '\0';
}

void request_run(void)
{
    uint32_t number = wanted();
    char path[512];
    if (!request_is_due())
        return;
    atomic_store(&seen, number);
    bool in_memory = take_path(path, sizeof(path));
    bool surveyed =
        in_memory ? strcmp(path, SURVEY_WANTED_SUFFIX) == 0 : take_file(SURVEY_WANTED_SUFFIX, path, sizeof(path)) >= 0;
    if (surveyed)
        survey_write();
    if (in_memory ? !surveyed : take_file(RELOAD_SUFFIX, path, sizeof(path)) >= 0)
        reload_run(path);
    else if (!surveyed)
        segment_reloaded(REASON_PLAN_MISSING);
    segment_answered(number);
}
