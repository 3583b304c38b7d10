/*
 * files: what the program opens through libc. Files that say how many CPUs there are may be replaced (told_file.h), and
 * those of /proc by which a program names its threads are noted. All other calls are forwarded unchanged.
 */
#undef _FILE_OFFSET_BITS /* it makes open another name of open64 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/interpose/told_file.h"
#include "shim/sys/call.h"
#include "shim/sys/raw.h"
#include "shim/worker/sweep.h"

/* The open succeeded, so `path` is a valid string. */
static int answer(int fd, const char *path)
{
    const struct told_file *file = fd >= 0 ? told_file_at(path) : NULL;
    if (UNLIKELY(file))
        told_file_replace(file, fd);
    return fd;
}

/*
 * Is it a file of a thread's name, /proc/self/task/TID/comm or /proc/PID/comm? The shim does not see what is written,
 * so the worker looks a moment later.
 */
static bool is_name_of_ours(const char *path)
{
    static const char proc[] = "/proc/", name[] = "/comm";
    if (LIKELY(strncmp(path, proc, sizeof(proc) - 1) != 0))
        return false;
    size_t length = strlen(path);
    path += sizeof(proc) - 1;
    if (strcmp(path + length - (sizeof(proc) - 1) - (sizeof(name) - 1), name) != 0)
        return false;
    return !strncmp(path, "self/", 5) || !strncmp(path, "thread-self/", 12) || read_number(&path) == (uint64_t)shim.pid;
}

static void note_writer(bool writes, const char *path)
{
    if (writes && UNLIKELY(is_name_of_ours(path)))
        sweep_names_soon();
}

/* open(2) has a mode argument only with these flags. */
static mode_t mode_of(int flags, va_list list)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

/*
 * before: the parameters in front of the path, followed by a comma, or nothing. folder: where a relative path begins.
 */
#define OPEN(name, before, given, folder)                                                                              \
    PUBLIC int name(UNWRAP before const char *path, int flags, ...)                                                    \
    {                                                                                                                  \
        next_##name *next = NEXT_OR_BIND(name);                                                                        \
        va_list list;                                                                                                  \
        mode_t mode;                                                                                                   \
                                                                                                                       \
        va_start(list, flags);                                                                                         \
        mode = mode_of(flags, list);                                                                                   \
        va_end(list);                                                                                                  \
        int fd = answer(next ? next(UNWRAP given path, flags, mode)                                                    \
                             : (int)program_call(SYS_openat, folder, path, flags, mode),                               \
                        path);                                                                                         \
        note_writer(fd >= 0 && (flags & O_ACCMODE) != O_RDONLY, path);                                                 \
        return fd;                                                                                                     \
    }
#define UNWRAP(...) __VA_ARGS__

OPEN(open, (), (), AT_FDCWD)
OPEN(open64, (), (), AT_FDCWD)
OPEN(openat, (int folder, ), (folder, ), folder)
OPEN(openat64, (int folder, ), (folder, ), folder)

/* _FORTIFY_SOURCE turns calls without a mode into these. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

PUBLIC int __open_2(const char *path, int flags)
{
    next___open_2 *next = NEXT_OR_BIND(__open_2);

    int fd = answer(next(path, flags), path);
    note_writer(fd >= 0 && (flags & O_ACCMODE) != O_RDONLY, path);
    return fd;
}

PUBLIC int __open64_2(const char *path, int flags)
{
    next___open64_2 *next = NEXT_OR_BIND(__open64_2);

    int fd = answer(next(path, flags), path);
    note_writer(fd >= 0 && (flags & O_ACCMODE) != O_RDONLY, path);
    return fd;
}

static FILE *answer_stream(FILE *stream, const char *path, const char *mode)
{
    const struct told_file *file = stream ? told_file_at(path) : NULL;
    next_fileno *number_of = file ? NEXT_OR_BIND(fileno) : NULL;
    if (number_of)
        told_file_replace(file, number_of(stream));
    note_writer(stream && (*mode != 'r' || strchr(mode, '+')), path);
    return stream;
}

PUBLIC FILE *fopen(const char *path, const char *mode)
{
    next_fopen *next = NEXT_OR_BIND(fopen);

    return answer_stream(next(path, mode), path, mode);
}

PUBLIC FILE *fopen64(const char *path, const char *mode)
{
    next_fopen64 *next = NEXT_OR_BIND(fopen64);

    return answer_stream(next(path, mode), path, mode);
}
