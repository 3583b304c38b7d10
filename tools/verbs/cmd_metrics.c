#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/common/program.h"
#include "tools/metrics/series.h"
#include "tools/metrics/serve.h"
#include "tools/prepare/options.h"
#include "tools/verbs/verbs.h"

const char metrics_help[] =
    "  --listen WHERE      serve http://WHERE/metrics until interrupted: ADDRESS:PORT, :PORT (loopback) or\n"
    "                      unix:PATH; default " SERVE_DEFAULT "\n"
    "  --once              print them once, in Prometheus' text format\n"
    "  --openmetrics       with --once or --textfile: in OpenMetrics' format\n"
    "  --textfile FILE     write them once, at once (for node_exporter's textfile collector)\n";

enum { OPTION_LISTEN = OPTION_VERB, OPTION_ONCE, OPTION_OPENMETRICS, OPTION_TEXTFILE };

static int print_once(bool openmetrics)
{
    if (series_write(stdout, openmetrics) < 0) {
        print_error("out of memory");
        return EXIT_MACHINE;
    }
    return finish_output(EXIT_OK);
}

/* A reader sees the old file or the new one, never a half. */
static int write_file(const char *path, bool openmetrics)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return EXIT_MACHINE;
    int fd = mkstemp(temporary);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool good = to && series_write(to, openmetrics) == 0;
    if (to && (fchmod(fd, 0644) != 0 || fclose(to) != 0))
        good = false;
    good = good && rename(temporary, path) == 0;
    if (!good) {
        print_error("%s cannot be written: %s", path, strerror(errno));
        if (fd >= 0)
            unlink(temporary);
    }
    free(temporary);
    return good ? EXIT_OK : EXIT_NO;
}

static int serve_at(const char *where)
{
    char name[] = "nodewise-metrics", *place = strdup(where), *arguments[] = {name, place, NULL};
    int status = place ? program_become("-metrics", arguments) : EXIT_MACHINE;
    free(place);
    return status;
}

int cmd_metrics(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"listen", required_argument, NULL, OPTION_LISTEN},
        {"once", no_argument, NULL, OPTION_ONCE},
        {"openmetrics", no_argument, NULL, OPTION_OPENMETRICS},
        {"textfile", required_argument, NULL, OPTION_TEXTFILE},
        {0},
    };
    const char *where = NULL, *file = NULL;
    bool once = false, openmetrics = false;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == OPTION_LISTEN)
            where = optarg;
        else if (option == OPTION_ONCE)
            once = true;
        else if (option == OPTION_OPENMETRICS)
            openmetrics = true;
        else if (option == OPTION_TEXTFILE)
            file = optarg;
        else
            return option_error("metrics", argv, long_options);
    }
    if (optind < argc)
        return usage_error("metrics", "unexpected argument \"%s\"", argv[optind]);
    if (once + (where != NULL) + (file != NULL) > 1)
        return usage_error("metrics", "--listen, --once and --textfile are three ways; take one");
    if (openmetrics && !once && !file)
        return usage_error("metrics",
                           "--openmetrics is for --once and --textfile: over HTTP the reader says what it takes");
    if (file)
        return write_file(file, openmetrics);
    return once ? print_once(openmetrics) : serve_at(where ? where : SERVE_DEFAULT);
}
