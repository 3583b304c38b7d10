#include "shim/sys/fault.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    int number;
} known_errors[] = {
    {"EPERM", EPERM},   {"ENOSYS", ENOSYS}, {"EINVAL", EINVAL}, {"ESRCH", ESRCH},
    {"EFAULT", EFAULT}, {"ENOMEM", ENOMEM}, {"EIO", EIO},
};

static long error_of(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(known_errors) / sizeof(known_errors[0]); i++)
        if (strlen(known_errors[i].word) == length && !memcmp(known_errors[i].word, word, length))
            return -known_errors[i].number;
    return 0;
}

/* Parses the list at each call. This is a test build, so it needs no state and may use libc's getenv. */
long fault_of(const char *call)
{
    const char *list = getenv("NODEWISE_FAULT");
    size_t length = strlen(call);
    while (list && *list) {
        const char *end = strchr(list, ',');
        size_t size = end ? (size_t)(end - list) : strlen(list);
        if (size > length + 1 && !memcmp(list, call, length) && list[length] == '=')
            return error_of(list + length + 1, size - length - 1);
        list = end ? end + 1 : NULL;
    }
    return 0;
}
