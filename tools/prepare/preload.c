#include "tools/prepare/preload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/prepare/shim_path.h"

/* LD_PRELOAD with the shim behind what is there: others' order is theirs, and nothing is ever replaced. */
int preload_shim(void)
{
    char *shim = NULL, *value = NULL;
    const char *present = getenv("LD_PRELOAD");
    int error = shim_path(&shim);
    if (error == -ENOENT)
        print_error("the library does not exist: %s", shim ? shim : "libnodewise.so");
    if (error == -EINVAL)
        print_error("LD_PRELOAD cannot name %s: a blank or ':' in the path would split it", shim);
    if (error == 0 && present && strstr(present, shim)) {
        free(shim);
        return 0;
    }
    if (error == 0 && asprintf(&value, "%s%s%s", present ? present : "", present && *present ? ":" : "", shim) < 0)
        error = -ENOMEM;
    if (error == 0 && setenv("LD_PRELOAD", value, 1) != 0)
        error = -errno;
    if (error == -ENOMEM)
        print_error("out of memory");
    free(value);
    free(shim);
    return error;
}
