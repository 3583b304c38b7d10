#include "shim/sys/status.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "shim/sys/raw.h"

/* The line Groups may have 65536 numbers: the file is read in pieces, and only the beginning of a line is kept. */
#define PIECE 4096u
#define WORD  48u

struct line {
    char text[WORD]; /* the beginning of the line */
    size_t length;
    long last; /* its last number so far */
    bool in_number;
};

static long value_if(const struct line *line, const char *name, long otherwise)
{
    size_t length = strlen(name);
    return line->length > length && !memcmp(line->text, name, length) ? line->last : otherwise;
}

static void take_line(struct status *status, const struct line *line)
{
    status->number = value_if(line, "NSpid:\t", status->number);
    status->seccomp = value_if(line, "Seccomp:\t", status->seccomp);
    status->filters = value_if(line, "Seccomp_filters:\t", status->filters);
}

static void take_char(struct line *line, char letter)
{
    bool digit = letter >= '0' && letter <= '9';
    if (line->length < sizeof(line->text))
        line->text[line->length++] = letter;
    if (digit)
        line->last = (line->in_number && line->last < 1 << 30 ? line->last * 10 : 0) + (letter - '0');
    line->in_number = digit;
}

bool status_read(const char *path, struct status *ret_status)
{
    struct status status = {STATUS_UNKNOWN, STATUS_UNKNOWN, STATUS_UNKNOWN};
    struct line line = {.length = 0};
    int saved = errno;
    char piece[PIECE];
    ssize_t count;
    int fd = raw_open(path, O_RDONLY | O_CLOEXEC);
    bool any = false;
    while (fd >= 0 && (count = raw_read(fd, piece, sizeof(piece))) > 0) {
        any = true;
        for (ssize_t i = 0; i < count; i++) {
            if (piece[i] != '\n') {
                take_char(&line, piece[i]);
                continue;
            }
            take_line(&status, &line);
            line = (struct line){.length = 0};
        }
        if (status.filters != STATUS_UNKNOWN || count < (ssize_t)sizeof(piece))
            break; /* the kernel gives such a file out as a whole */
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
