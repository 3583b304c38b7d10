#include "policy/topology_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/sys/again.h"

/* Everything up to the end, at most `room` bytes. Returns its size or a negative errno. */
static ssize_t read_all(int fd, char *ret_text, size_t room)
{
    size_t size = 0;
    unsigned interruptions = 0;
    while (size < room) {
        ssize_t got = read(fd, ret_text + size, room - size);
        if (got < 0 && call_again(&interruptions))
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

/* How often the word stands there, up to `most`. */
static unsigned count(const char *text, const char *word, unsigned most)
{
    unsigned found = 0;
    for (const char *at = text; found <= most && (at = strstr(at, word)); at++)
        found++;
    return found;
}

/* Either quote is XML's. */
static bool is_too_large(const char *text)
{
    return count(text, "type=\"PU\"", TOPOLOGY_MOST_CPUS) + count(text, "type='PU'", TOPOLOGY_MOST_CPUS) >
               TOPOLOGY_MOST_CPUS ||
           count(text, "<object", TOPOLOGY_MOST_OBJECTS) > TOPOLOGY_MOST_OBJECTS;
}

static int take(int fd, char **ret_text, size_t *ret_size)
{
    char *text = malloc(TOPOLOGY_MOST_BYTES + 1); /* touched as far as the file goes */
    if (!text)
        return -ENOMEM;
    ssize_t size = read_all(fd, text, TOPOLOGY_MOST_BYTES);
    int error = size < 0 ? (int)size : size == TOPOLOGY_MOST_BYTES ? -EFBIG : 0;
    if (!error) {
        text[size] = '\0';
        error = is_too_large(text) ? -EFBIG : 0;
    }
    char *fitting = error ? NULL : realloc(text, (size_t)size + 1);
    if (error)
        free(text);
    *ret_text = error ? NULL : fitting ? fitting : text;
    *ret_size = error ? 0 : (size_t)size + 1;
    return error;
}

int topology_file_read(const char *path, char **ret_text, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = take(fd, ret_text, ret_size);
    close(fd);
    return error;
}
