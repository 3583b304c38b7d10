#include "shim/arena/pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "shim/arena/region.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/sys/raw.h"

#define SHARE 8u /* of the limit may be idle: 1/8 */

static _Atomic uint32_t known_limit; /* 0: not read yet */

static bool read_text(const char *path, char *ret_text, size_t size)
{
    int fd = raw_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t length = raw_read(fd, ret_text, size - 1);
    raw_close(fd);
    ret_text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Bytes that a file of the cgroup says; UINT64_MAX for "max", for none and for a file that is not there. */
static uint64_t limit_in(const char *folder, const char *path, const char *file)
{
    char name[512], text[32];
    struct text_writer writer = {name, sizeof(name), 0};
    uint64_t limit = 0;
    write_text(&writer, folder);
    write_text(&writer, path);
    write_text(&writer, file);
    if (!read_text(name, text, sizeof(text)) || *text < '0' || *text > '9')
        return UINT64_MAX;
    for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++)
        limit = limit * 10 + (uint64_t)(*digit - '0');
    return limit;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* "0::/system.slice/redis.service" (version 2) or "9:memory:/docker/…" (version 1). In a container, /sys/fs/cgroup
 * is the container's own root whatever the path says, so both are asked. */
static uint64_t cgroup_limit(void)
{
    char text[2048];
    uint64_t limit = UINT64_MAX;
    if (!read_text("/proc/self/cgroup", text, sizeof(text)))
        return limit;
    for (char *line = text, *end; line && *line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        if (end)
            *end = '\0';
        char *path = strchr(line, '/');
        if (!path)
            continue;
        if (!strncmp(line, "0::", 3)) {
            limit = smaller(limit, limit_in("/sys/fs/cgroup", path, "/memory.max"));
            limit = smaller(limit, limit_in("/sys/fs/cgroup", "", "/memory.max"));
        } else if (strstr(line, ":memory:")) {
            limit = smaller(limit, limit_in("/sys/fs/cgroup/memory", path, "/memory.limit_in_bytes"));
            limit = smaller(limit, limit_in("/sys/fs/cgroup/memory", "", "/memory.limit_in_bytes"));
        }
    }
    return limit;
}

/* Of one region of those that are open. */
static uint32_t part_of(uint32_t limit)
{
    uint32_t regions = regions_open(), part = regions ? limit / regions : limit;
    return limit == UINT32_MAX || part ? part : 1;
}

uint32_t pressure_limit(void)
{
    uint32_t limit = atomic_load_explicit(&known_limit, memory_order_relaxed);
    int saved = errno;
    if (limit)
        return part_of(limit);
    if (!shim_is_active())
        return UINT32_MAX; /* a sandboxed program opens no files; asked again later otherwise */
    uint64_t slices = cgroup_limit() / SHARE >> SLICE_SHIFT;
    limit = slices >= UINT32_MAX ? UINT32_MAX : slices ? (uint32_t)slices : 1;
    atomic_store_explicit(&known_limit, limit, memory_order_relaxed);
    errno = saved;
    return part_of(limit);
}
