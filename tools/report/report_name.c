#include "tools/report/report_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/prepare/rank.h"

/* The value of the word at *at ("{pid}…"), moved behind it; false: a plain character. */
static bool take_word(const char **at, pid_t pid, const char *comm, char *ret_value, size_t size)
{
    if (strncmp(*at, "{comm}", 6) == 0) {
        snprintf(ret_value, size, "%s", comm);
        *at += 6;
    } else if (strncmp(*at, "{pid}", 5) == 0) {
        snprintf(ret_value, size, "%d", (int)pid);
        *at += 5;
    } else if (strncmp(*at, "{hostname}", 10) == 0) {
        if (gethostname(ret_value, size) != 0)
            snprintf(ret_value, size, "localhost");
        ret_value[size - 1] = '\0';
        *at += 10;
    } else if (strncmp(*at, "{rank}", 6) == 0) {
        int rank = rank_in_job().number;
        snprintf(ret_value, size, "%d", rank < 0 ? 0 : rank);
        *at += 6;
    } else {
        return false;
    }
    for (char *p = ret_value; *p; p++)
        if (*p == '/')
            *p = '_';
    return true;
}

int report_name(const char *pattern, pid_t pid, const char *comm, char *ret_name, size_t size)
{
    size_t length = 0;
    for (const char *at = pattern; *at;) {
        char value[256];
        if (!take_word(&at, pid, comm, value, sizeof(value))) {
            value[0] = *at++;
            value[1] = '\0';
        }
        if (length + strlen(value) >= size) {
            print_error("the name of the report is too long: %s", pattern);
            return -ENAMETOOLONG;
        }
        strcpy(ret_name + length, value);
        length += strlen(value);
    }
    ret_name[length] = '\0';
    return 0;
}
