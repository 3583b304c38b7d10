/*
 * For the build alone: manual pages of what is in tables. `nodewise manual VERB FRAGMENT` is nodewise-VERB(1), with a
 * handwritten description from the fragment; `nodewise manual codes` is nodewise-codes(7).
 */
#include <errno.h>
#include <string.h>

#include "policy/diag.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/verb_options.h"
#include "tools/verbs/verb_table.h"
#include "tools/verbs/verbs.h"

/* Text as roff takes it: its own signs are escaped. */
static void roff(const char *text)
{
    bool begins = true;
    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        begins = *text == '\n';
    }
}

static void heading(const char *name, const char *section, const char *summary)
{
    printf(".TH \"");
    roff(name);
    printf("\" %s \"\" \"nodewise " NODEWISE_VERSION "\" \"nodewise\"\n.SH NAME\n", section);
    roff(name);
    fputs(" \\- ", stdout);
    roff(summary);
    fputs("\n", stdout);
}

static int copy_fragment(const char *path)
{
    FILE *from = fopen(path, "re");
    int c;
    if (!from) {
        print_error("%s: %s", path, strerror(errno));
        return EXIT_NO;
    }
    while ((c = fgetc(from)) != EOF)
        putchar(c);
    fclose(from);
    return EXIT_OK;
}

static void print_options(const struct verb *verb)
{
    struct verb_option options[VERB_OPTIONS_MOST];
    size_t count = verb_options(verb->help, options);
    if (count)
        printf(".SH OPTIONS\n");
    for (size_t i = 0; i < count; i++) {
        printf(".TP\n");
        if (options[i].letter)
            printf("\\fB\\-%c\\fR%s", options[i].letter, options[i].name[0] ? ", " : "");
        if (options[i].name[0]) {
            printf("\\fB\\-\\-");
            roff(options[i].name);
            printf("\\fR ");
        }
        printf("\\fI");
        roff(options[i].argument);
        printf("\\fR\n");
        roff(options[i].text);
        putchar('\n');
    }
}

static int print_verb(const struct verb *verb, const char *fragment)
{
    char name[64];
    snprintf(name, sizeof(name), "nodewise-%s", verb->name);
    heading(name, "1", verb->summary);
    printf(".SH SYNOPSIS\n\\fBnodewise %s\\fR ", verb->name);
    roff(verb->usage);
    printf("\n.SH DESCRIPTION\n");
    int status = copy_fragment(fragment);
    print_options(verb);
    printf(".SH SEE ALSO\n.BR nodewise (1),\n.BR nodewise.toml (5),\n.BR nodewise\\-codes (7)\n");
    return status;
}

static void print_codes(void)
{
    heading("nodewise-codes", "7", "what nodewise's codes and reasons mean");
    printf(".SH DESCRIPTION\n"
           "Each finding about a policy has a code that does not change:\n"
           "E for errors, W for warnings, N for notes.\n"
           "Each wish that did not end as asked has a reason.\n"
           "\\fBnodewise explain\\fR prints the same for one of them.\n"
           ".SH CODES\n");
    for (unsigned code = 0; code < DIAG_CODE_COUNT; code++) {
        printf(".TP\n\\fB%s\\fR ", diag_code_name(code));
        roff(diag_code_title(code));
        putchar('\n');
        roff(diag_code_text(code));
        putchar('\n');
    }
    printf(".SH REASONS\n");
    for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
        printf(".TP\n\\fB");
        roff(reason_word(reason));
        printf("\\fR\n");
        roff(reason_text(reason));
        putchar('\n');
    }
    printf(".SH SEE ALSO\n.BR nodewise (1),\n.BR nodewise.toml (5)\n");
}

int cmd_manual(int argc, char **argv)
{
    const struct verb *verb = argc == 3 ? verb_find(argv[1]) : NULL;
    if (verb)
        return finish_output(print_verb(verb, argv[2]));
    if (argc != 2 || strcmp(argv[1], "codes") != 0)
        return usage_error("manual", "VERB FRAGMENT, or codes");
    print_codes();
    return finish_output(EXIT_OK);
}
