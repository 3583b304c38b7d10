#include "tools/common/program.h"
#include "tools/verbs/verbs.h"

const char sha1sum_help[] =
    "  -b, -t              binary or text mode: a '*' or a blank before the name\n"
    "  --tag               SHA1 (NAME) = HASH\n"
    "  -z, --zero          lines end with a NUL\n"
    "  -c, --check         the files are lists; whether what they name has these hashes\n"
    "  --ignore-missing, --quiet, --status, --strict, -w   with -c, as sha1sum(1)\n"
    "Files are hashed at the same time, by workers on all nodes; the output is in their order.\n"
    "Ends with 1 when a file cannot be read, or one is not as its list says.\n";

int cmd_sha1sum(int argc, char **argv)
{
    (void)argc;
    return program_become("-sha1sum", argv);
}
