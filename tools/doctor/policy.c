#include <stdlib.h>

#include "config/config.h"
#include "tools/common/cli.h"
#include "tools/doctor/doctor.h"
#include "tools/prepare/prepare.h"

static void name_it(struct diagnosis *diagnosis, const struct prepared *prepared, bool named)
{
    const char *file = prepared->config.main_file;
    if (!file)
        diagnose(diagnosis, "policy", HEALTH_FINE, NULL,
                 "the environment's variables are the policy of `nodewise run`");
    else if (!named && config_is_auto(file))
        diagnose(diagnosis, "policy", HEALTH_FINE,
                 "`nodewise config show` prints it, `nodewise init` and `nodewise learn` write one for a program",
                 "%s is the policy of `nodewise run`: no file is in a standard place", file);
    else
        diagnose(diagnosis, "policy", HEALTH_FINE, NULL, "%s is the policy of `nodewise run`", file);
}

void diagnose_policy(struct diagnosis *diagnosis, const struct policy_options *options)
{
    struct prepared prepared;
    int status = prepare_policy(&prepared, options, TALK_ERRORS);
    if (status == EXIT_OK)
        status = prepare_plan(&prepared, options, TALK_ERRORS);
    if (status == EXIT_OK)
        name_it(diagnosis, &prepared, options->file || getenv("NODEWISE_POLICY"));
    else
        diagnose(diagnosis, "policy", HEALTH_NO,
                 "mend what stands above; `nodewise explain KEY` tells what a key takes",
                 "%s cannot be carried out here", options->file ? options->file : "the policy of `nodewise run`");
    prepared_free(&prepared);
}
