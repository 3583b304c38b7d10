/*
 * nodewise-sha1sum: the SHA-1 of files, several at a time by workers on all nodes, with the options and the output of
 * coreutils' sha1sum. `nodewise sha1sum` starts it. It is a program of its own, because libcrypto costs each start of the
 * command some milliseconds.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/sha1sum/check.h"
#include "tools/sha1sum/line.h"
#include "tools/sha1sum/ordered.h"

enum { TAG = 256, IGNORE_MISSING, QUIET, STATUS, STRICT, HELP, VERSION };

struct options {
    bool check, text;
    struct line_style style;
    struct check_options checks;
};

struct sums {
    struct line_style style;
    bool failed;
};

static void print_sum(void *context, struct job *job)
{
    struct sums *sums = context;
    if (job->error) {
        sums->failed = true;
        fflush(stdout);
        print_error("%s: %s", printable(job->name), strerror(-job->error));
    } else {
        line_print(stdout, job->name, &job->digest, sums->style);
    }
}

static bool sum(char *const *names, size_t count, struct line_style style)
{
    struct job *jobs = calloc(count, sizeof(*jobs));
    struct sums sums = {.style = style};
    struct ordered ordered;
    if (!jobs) {
        print_error("out of memory");
        return false;
    }
    ordered_begin(&ordered, count, print_sum, &sums);
    for (size_t i = 0; i < count; i++) {
        jobs[i].name = names[i];
        ordered_add(&ordered, &jobs[i]);
    }
    ordered_end(&ordered);
    free(jobs);
    return !sums.failed;
}

static bool check_all(char *const *lists, size_t count, const struct check_options *options)
{
    enum line_form form = LINE_FORM_UNKNOWN;
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = check(lists[i], &form, options) && good;
    return good;
}

/* What does not go together. NULL: all does. */
static const char *conflict(const struct options *options)
{
    const struct check_options *checks = &options->checks;
    if (options->style.tag && options->text)
        return "--tag does not go with --text";
    if (options->check && options->style.tag)
        return "--tag has no meaning with --check";
    if (options->check && options->style.zero)
        return "--zero has no meaning with --check";
    if (options->check && (options->style.binary || options->text))
        return "--binary and --text have no meaning with --check";
    if (!options->check &&
        (checks->ignore_missing || checks->quiet || checks->status || checks->strict || checks->warn))
        return "--ignore-missing, --quiet, --status, --strict and --warn are for --check";
    return NULL;
}

/* Of --status, --quiet and --warn the last one counts. */
static void set_talk(struct check_options *checks, int option)
{
    checks->status = option == STATUS;
    checks->quiet = option == QUIET;
    checks->warn = option == 'w';
}

static void print_help(void)
{
    puts("nodewise-sha1sum [-b|-t] [--tag] [-z] [FILE…]\n"
         "nodewise-sha1sum -c [--ignore-missing] [--quiet|--status|-w] [--strict] [LIST…]\n"
         "The SHA-1 of files, or whether they have those of a list, as sha1sum(1) says it: several files at a time.");
}

/* false: the program ends with *ret_status. */
static bool take(struct options *options, int option, int *ret_status)
{
    *ret_status = EXIT_SUCCESS;
    switch (option) {
    case 'b':
    case 't':
        options->style.binary = option == 'b';
        options->text = option == 't';
        return true;
    case 'c':
        return options->check = true;
    case 'z':
        return options->style.zero = true;
    case TAG:
        return options->style.tag = true;
    case IGNORE_MISSING:
        return options->checks.ignore_missing = true;
    case STRICT:
        return options->checks.strict = true;
    case 'w':
    case QUIET:
    case STATUS:
        set_talk(&options->checks, option);
        return true;
    case HELP:
        print_help();
        return false;
    case VERSION:
        printf("nodewise-sha1sum %s\n", NODEWISE_VERSION);
        return false;
    default: /* getopt_long() has said it */
        *ret_status = EXIT_FAILURE;
        return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {{"binary", no_argument, NULL, 'b'},
                                                 {"text", no_argument, NULL, 't'},
                                                 {"check", no_argument, NULL, 'c'},
                                                 {"tag", no_argument, NULL, TAG},
                                                 {"zero", no_argument, NULL, 'z'},
                                                 {"ignore-missing", no_argument, NULL, IGNORE_MISSING},
                                                 {"quiet", no_argument, NULL, QUIET},
                                                 {"status", no_argument, NULL, STATUS},
                                                 {"strict", no_argument, NULL, STRICT},
                                                 {"warn", no_argument, NULL, 'w'},
                                                 {"help", no_argument, NULL, HELP},
                                                 {"version", no_argument, NULL, VERSION},
                                                 {0}};
    static char standard_input[] = "-", *input[] = {standard_input};
    struct options options = {0};
    int option, status = EXIT_SUCCESS;
    while ((option = getopt_long(argc, argv, "bctwz", long_options, NULL)) != -1)
        if (!take(&options, option, &status))
            return status == EXIT_SUCCESS ? finish_output(EXIT_OK) : status;
    if (conflict(&options)) {
        print_error("%s", conflict(&options));
        return EXIT_FAILURE;
    }
    /* Its workers need cores, caches and nodes. hwloc's plug-ins look for devices, and load X11 and ICU for that. */
    setenv("HWLOC_PLUGINS_PATH", "", false);
    if (digest_open() < 0) {
        print_error("libcrypto is set up without SHA-1");
        return EXIT_FAILURE;
    }
    char *const *names = optind < argc ? argv + optind : input;
    size_t count = optind < argc ? (size_t)(argc - optind) : 1;
    bool good = options.check ? check_all(names, count, &options.checks) : sum(names, count, options.style);
    return finish_output(good ? EXIT_OK : EXIT_NO);
}
