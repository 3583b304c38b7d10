#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/verbs/verbs.h"

const char sha1sum_help[] =
    "  -b, -t              binary or text mode: a '*' or a blank before the name\n"
    "  --tag               SHA1 (NAME) = HASH\n"
    "  -z, --zero          lines end with a NUL\n"
    "  -c, --check         the files are lists; whether what they name has these hashes\n"
    "  --ignore-missing, --quiet, --status, --strict, -w   with -c, as sha1sum(1)\n"
    "Files are hashed at the same time, by workers on all nodes; the output is in their order.\n"
    "Ends with 1 when a file cannot be read, or one is not as its list says.\n";

/* The program lies beside this one. */
int cmd_sha1sum(int argc, char **argv)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-sha1sum"));
    (void)argc;
    if (length < 0) {
        print_error("/proc/self/exe cannot be read: %s", strerror(errno));
        return EXIT_NO;
    }
    memcpy(path + length, "-sha1sum", sizeof("-sha1sum"));
    execv(path, argv);
    print_error("%s cannot be started: %s", path, strerror(errno));
    return EXIT_NO;
}
