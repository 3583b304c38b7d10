#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/verbs/verbs.h"

const char init_help[] = "  PRESET              one of the presets; without it they are listed\n"
                         "  -o, --output FILE   write there instead of to stdout; an existing file is kept\n";

static void print_name(const char *name, void *unused)
{
    (void)unused;
    puts(name);
}

static int list_presets(void)
{
    if (config_presets(print_name, NULL) == 0)
        return finish_output(EXIT_OK);
    print_error("the presets are not installed");
    return EXIT_NO;
}

static int no_preset(const char *name)
{
    char *near = config_preset_near(name);
    if (near)
        print_error("there is no preset \"%s\": did you mean \"%s\"?", name, near);
    else
        print_error("there is no preset \"%s\"; `nodewise init` lists them", name);
    free(near);
    return EXIT_BAD_INPUT;
}

static int copy_preset(FILE *from, const char *output)
{
    char block[4096];
    size_t size;
    int fd = output ? open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
    if (output && fd < 0) {
        if (errno == EEXIST)
            print_error("%s exists and is kept", output);
        else
            print_error("%s cannot be written: %s", output, strerror(errno));
        return EXIT_BAD_INPUT;
    }
    FILE *to = output ? fdopen(fd, "w") : stdout;
    while (to && (size = fread(block, 1, sizeof(block), from)) > 0)
        fwrite(block, 1, size, to);
    if (!output)
        return finish_output(EXIT_OK);
    if (!to || fclose(to) != 0) {
        print_error("%s could not be written: %s", output, strerror(errno));
        unlink(output);
        return EXIT_NO;
    }
    return EXIT_OK;
}

int cmd_init(int argc, char **argv)
{
    static const struct option long_options[] = {{"output", required_argument, NULL, 'o'}, {0}};
    const char *output = NULL;
    char *path = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
        if (option != 'o')
            return option_error("init", argv, long_options);
        if (take_output("init", "-o", &output) != EXIT_OK)
            return EXIT_BAD_INPUT;
    }
    if (optind + 1 < argc)
        return usage_error("init", "unexpected argument \"%s\"", argv[optind + 1]);
    if (optind == argc)
        return list_presets();
    if (strchr(argv[optind], '/') || config_preset_path(&path, argv[optind]) < 0)
        return no_preset(argv[optind]);
    FILE *from = fopen(path, "re");
    if (!from)
        print_error("%s cannot be read: %s", path, strerror(errno));
    int status = from ? copy_preset(from, output) : EXIT_BAD_INPUT;
    if (from)
        fclose(from);
    free(path);
    return status;
}
