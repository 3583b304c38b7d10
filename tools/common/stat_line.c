#include "tools/common/stat_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of include/linux/sched.h; they have not changed since Linux 3.10. */
#define FLAG_FORKED 0x00000040u /* PF_FORKNOEXEC */
#define FLAG_KERNEL 0x00200000u /* PF_KTHREAD */
#define FLAG_FIXED  0x04000000u /* PF_NO_SETAFFINITY */

int stat_line_parse(struct stat_line *ret_line, const char *text)
{
    /* The name may hold anything, ") S 1" included: it ends with the last bracket. */
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    struct stat_line line = {.cpu = -1};
    if (!open || !close || close < open)
        return -EINVAL;
    snprintf(line.name, sizeof(line.name), "%.*s", (int)(close - open - 1), open + 1);
    int parent, fields = sscanf(close + 1,
                                " %c %d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d %" SCNu64
                                " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
                                &line.state, &parent, &line.flags, &line.threads, &line.start_ticks, &line.cpu);
    if (fields < 5)
        return -EINVAL;
    line.parent = (pid_t)parent;
    *ret_line = line;
    return 0;
}

bool stat_line_is_kernels(const struct stat_line *line)
{
    return line->flags & FLAG_KERNEL;
}

bool stat_line_is_fixed(const struct stat_line *line)
{
    return line->flags & FLAG_FIXED;
}

bool stat_line_is_forked(const struct stat_line *line)
{
    return line->flags & FLAG_FORKED;
}

bool stat_line_has_ended(const struct stat_line *line)
{
    return (line->state == 'Z' || line->state == 'X') && line->threads <= 1;
}
