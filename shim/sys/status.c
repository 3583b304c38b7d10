#include "shim/sys/status.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "shim/sys/raw.h"

/* The line Groups may have 65536 numbers: the file is read in pieces, and a line that a piece cuts off comes with the next. */
#define PIECE 4096u
#define KEPT  512u /* no line that is looked for is longer: NSpid has at most 33 numbers */

/* The last number of the line that begins with the name; as it was where there is no such line, or not all of it. */
static long number_of(const char *text, const char *name, long before)
{
    const char *at = strstr(text, name);
    const char *end = at ? strchr(at + 1, '\n') : NULL;
    long number = 0, unit = 1;
    if (!end)
        return before;
    for (const char *digit = end - 1; *digit >= '0' && *digit <= '9' && unit <= 1 << 30; digit--, unit *= 10)
        number += (*digit - '0') * unit;
    return unit > 1 ? number : before;
}

static void take_text(struct status *status, const char *text)
{
    status->number = number_of(text, "\nNSpid:\t", status->number);
    status->seccomp = number_of(text, "\nSeccomp:\t", status->seccomp);
    status->filters = number_of(text, "\nSeccomp_filters:\t", status->filters);
}

bool status_read(const char *path, struct status *ret_status)
{
    struct status status = {STATUS_UNKNOWN, STATUS_UNKNOWN, STATUS_UNKNOWN};
    int saved = errno;
    char text[KEPT + PIECE + 1];
    size_t length = 0;
    ssize_t count;
    bool any = false;
    int fd = raw_open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (count = raw_read(fd, text + length, PIECE)) > 0) {
        any = true;
        length += (size_t)count;
        text[length] = '\0';
        take_text(&status, text);
        if (status.filters != STATUS_UNKNOWN || count < (ssize_t)PIECE)
            break; /* the kernel gives such a file out as a whole */
        memmove(text, text + length - KEPT, KEPT);
        length = KEPT;
    }
    if (fd >= 0)
        raw_close(fd);
    errno = saved;
    if (any)
        *ret_status = status;
    return any;
}

uint64_t status_file_limit(void)
{
    static const char name[] = "Max file size";
    int saved = errno;
    char text[PIECE] = "";
    int fd = raw_open("/proc/self/limits", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t length = raw_read(fd, text, sizeof(text) - 1);
        text[length > 0 ? length : 0] = '\0';
        raw_close(fd);
    }
    errno = saved;
    const char *at = strstr(text, name);
    uint64_t limit = 0;
    if (!at)
        return 0;
    for (at += sizeof(name) - 1; *at == ' '; at++)
        ;
    if (*at == 'u') /* "unlimited" */
        return UINT64_MAX;
    for (; *at >= '0' && *at <= '9'; at++)
        limit = limit * 10 + (uint64_t)(*at - '0');
    return limit;
}

pid_t raw_own_number(const char *path)
{
    struct status status;
    return status_read(path, &status) && status.number > 0 ? (pid_t)status.number : 0;
}
