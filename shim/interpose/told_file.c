#include "shim/interpose/told_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/base/mask.h"
#include "shim/base/text_writer.h"
#include "shim/place/cpu_count.h"
#include "shim/place/cpu_text.h"
#include "shim/sys/raw.h"

#define LIST_SIZE 4096u

/* A list such as "0-3,8\n". What does not fit is left out. from: not needed. */
static int write_list(int from, int to, const struct mask *mask)
{
    char text[LIST_SIZE];
    struct text_writer writer = {text, sizeof(text), 0};
    (void)from;
    for (size_t id = 0; id < mask->words * 64 && writer.length + 32 < sizeof(text); id++) {
        size_t last = id;
        if (!mask_has(mask, id))
            continue;
        while (mask_has(mask, last + 1))
            last++;
        if (writer.length)
            write_char(&writer, ',');
        write_number(&writer, id, 0);
        if (last > id) {
            write_char(&writer, '-');
            write_number(&writer, last, 0);
        }
        id = last;
    }
    write_char(&writer, '\n');
    return raw_write(to, text, writer.length) == (ssize_t)writer.length ? 0 : -EIO;
}

static const struct told_file {
    const char *path;
    enum cpu_api api;
    int (*write)(int from, int to, const struct mask *cpus);
} files[] = {
    {"/sys/devices/system/cpu/online", CPU_API_SYSFS, write_list},
    {"/proc/cpuinfo", CPU_API_CPUINFO, cpu_text_info},
    {"/proc/stat", CPU_API_STAT, cpu_text_stat},
};

const struct told_file *told_file_at(const char *path)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (cpu_count_is_told(files[i].api) && !strcmp(path, files[i].path))
            return &files[i];
    return NULL;
}

static int fill(const struct told_file *file, int to)
{
    struct mask mask;
    int error = mask_open(&mask);
    if (error)
        return error;
    cpu_count_told_mask(&mask);
    int from = raw_open(file->path, O_RDONLY | O_CLOEXEC); /* the program's descriptor stays at its start */
    error = from < 0 ? from : file->write(from, to, &mask);
    if (from >= 0)
        raw_close(from);
    mask_close(&mask);
    return !error && raw_call(SYS_lseek, to, 0, SEEK_SET) != 0 ? -EIO : error;
}

void told_file_replace(const struct told_file *file, int fd)
{
    int saved = errno, flags = (int)raw_call(SYS_fcntl, fd, F_GETFD);
    int to = (int)raw_call(SYS_memfd_create, "cpus", MFD_CLOEXEC);
    if (to >= 0) {
        if (fill(file, to) == 0)
            raw_call(SYS_dup3, to, fd, flags > 0 && (flags & FD_CLOEXEC) ? O_CLOEXEC : 0);
        raw_close(to);
    }
    errno = saved;
}
