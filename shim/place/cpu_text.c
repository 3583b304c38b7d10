#include "shim/place/cpu_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/base/mask.h"
#include "shim/base/text_reader.h"
#include "shim/base/text_writer.h"
#include "shim/sys/again.h"
#include "shim/sys/raw.h"
#include "shim/sys/write_all.h"

/* Of a line, so much is there when it is looked at, or all of it. The longest that is understood is a sum of /proc/stat. */
#define HEAD_SIZE   512u
#define BUFFER_SIZE (64u * 1024)
#define SUMS        16u /* of user, nice, system, …: the kernel has 10 */

struct filter {
    const struct mask *cpus;
    bool keeps;          /* this line, and those that belong to it */
    uint64_t sums[SUMS]; /* of /proc/stat: of the CPUs that are kept */
    size_t sum_count;
    bool (*looks)(struct filter *filter, const char *line, size_t length); /* at the start of a line: is it kept? */
};

/* --- lines --- */

/* Does the line begin with the word? *ret_at: what follows it. */
static bool begins(const char *line, size_t length, const char *word, const char **ret_at)
{
    size_t size = strlen(word);
    *ret_at = line + size;
    return length > size && memcmp(line, word, size) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "processor\t: 3", and on s390 "processor 3: …" and "cpu number      : 3". */
static bool looks_at_info(struct filter *filter, const char *line, size_t length)
{
    const char *at;
    if (line[0] == '\n') {
        bool keeps = filter->keeps;
        filter->keeps = true; /* what follows the CPUs is of the machine */
        return keeps;
    }
    if (!begins(line, length, "processor", &at) && !begins(line, length, "cpu number", &at))
        return filter->keeps;
    while (*at == ' ' || *at == '\t' || *at == ':')
        at++;
    if (is_digit(*at))
        filter->keeps = mask_has(filter->cpus, (size_t)read_number(&at));
    return filter->keeps;
}

/* "cpu3 …"; the line "cpu  …", their sum, is not kept. */
static bool looks_at_stat(struct filter *filter, const char *line, size_t length)
{
    const char *at;
    if (!begins(line, length, "cpu", &at))
        return true;
    return is_digit(*at) && mask_has(filter->cpus, (size_t)read_number(&at));
}

/* Keeps nothing: counts what looks_at_stat() will keep. */
static bool adds_stat(struct filter *filter, const char *line, size_t length)
{
    const char *at;
    if (!looks_at_stat(filter, line, length) || !begins(line, length, "cpu", &at))
        return false;
    read_number(&at);
    for (size_t i = 0; i < SUMS && *at == ' '; i++) {
        at++;
        filter->sums[i] += read_number(&at);
        if (filter->sum_count <= i)
            filter->sum_count = i + 1;
    }
    return false;
}

/* --- files --- */

/* What is read of a file, and not yet handled. A NUL follows it. */
struct window {
    char *data;
    size_t length;
    bool is_last;
};

static int fill(struct window *window, int fd)
{
    unsigned interruptions = 0;
    while (!window->is_last && window->length < BUFFER_SIZE - 1) {
        ssize_t got = raw_read(fd, window->data + window->length, BUFFER_SIZE - 1 - window->length);
        if (got < 0 && !call_again(&interruptions))
            return -errno;
        window->is_last = got == 0;
        window->length += got > 0 ? (size_t)got : 0;
    }
    window->data[window->length] = '\0';
    return 0;
}

/*
 * Handles the lines of the window, moves what is kept to its front, and returns how much that is. *ret_left: the beginning
 * of a line that is too short to be looked at. *in_line: the window begins, and then ends, within a line.
 */
static size_t keep_lines(struct filter *filter, struct window *window, bool *in_line, bool *is_kept, size_t *ret_left)
{
    size_t kept = 0, at = 0;
    while (at < window->length) {
        char *line = window->data + at, *end = memchr(line, '\n', window->length - at);
        size_t length = end ? (size_t)(end - line) + 1 : window->length - at;
        if (!*in_line) {
            if (!end && !window->is_last && length < HEAD_SIZE)
                break;
            *is_kept = filter->looks(filter, line, length);
        }
        if (*is_kept) {
            memmove(window->data + kept, line, length);
            kept += length;
        }
        *in_line = !end;
        at += length;
    }
    *ret_left = window->length - at;
    return kept;
}

static int filter_lines(struct filter *filter, int from, int to)
{
    struct window window = {raw_mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), 0,
                            false};
    bool in_line = false, is_kept = true;
    int error = 0;
    if (window.data == MAP_FAILED)
        return -ENOMEM;
    while (!error && !(window.is_last && !window.length)) {
        size_t left = 0, length;
        error = fill(&window, from);
        if (error)
            break;
        length = window.length;
        size_t kept = keep_lines(filter, &window, &in_line, &is_kept, &left);
        error = write_all(to, window.data, kept);
        memmove(window.data, window.data + length - left, left);
        window.length = left;
    }
    raw_munmap(window.data, BUFFER_SIZE);
    return error;
}

/* ---- */

int cpu_text_info(int from, int to, const struct mask *cpus)
{
    struct filter filter = {.cpus = cpus, .keeps = true, .looks = looks_at_info};
    return filter_lines(&filter, from, to);
}

int cpu_text_stat(int from, int to, const struct mask *cpus)
{
    char text[HEAD_SIZE];
    struct text_writer line = {text, sizeof(text), 0};
    struct filter filter = {.cpus = cpus, .looks = adds_stat};
    int error = filter_lines(&filter, from, to);
    if (error)
        return error;
    write_text(&line, "cpu ");
    for (size_t i = 0; i < filter.sum_count; i++) {
        write_char(&line, ' ');
        write_number(&line, filter.sums[i], 0);
    }
    write_char(&line, '\n');
    error = write_all(to, text, line.length);
    if (!error && raw_call(SYS_lseek, from, 0, SEEK_SET) != 0)
        error = -EIO;
    filter.looks = looks_at_stat;
    return error ? error : filter_lines(&filter, from, to);
}
