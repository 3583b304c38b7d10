#include "shim/start/bindings.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "shim/base/runtime_folder.h"
#include "shim/start/helper.h"
#include "shim/telemetry/segment.h"
#include "shim/telemetry/store.h"

static bool is_asked;

void bindings_prepare(void)
{
    is_asked = unsetenv("NODEWISE_BINDINGS") == 0;
}

void bindings_tell(void)
{
    char helper[PATH_MAX], path[RUNTIME_PATH_SIZE + STORE_NAME_SIZE];
    const char *arguments[] = {"nodewise", "report", "--segment", path, "--bindings", NULL};
    if (!is_asked || !segment_is_open() || !helper_path(helper, sizeof(helper)))
        return;
    segment_details();
    if (store_path(path, sizeof(path)) == 0) {
        helper_run(helper, arguments, NULL, 0);
        return;
    }
    arguments[3] = "-";
    helper_feed(helper, arguments, segment_mapped(), segment_size());
}
