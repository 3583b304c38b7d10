/*
 * For the build alone: manual pages of what is in tables. `nodewise manual VERB FRAGMENT` is nodewise-VERB(1), with a
 * handwritten description from the fragment; `nodewise manual overview HEAD TAIL` is nodewise(1), with the verbs
 * between two handwritten parts; `nodewise manual codes` is nodewise-codes(7).
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "policy/diag.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/verb_options.h"
#include "tools/verbs/verb_table.h"
#include "tools/verbs/verbs.h"

#define LINE_LENGTH 76u

/* A character as roff takes it: its own signs are escaped. */
static void roff_sign(char sign, bool begins)
{
    if (begins && (sign == '.' || sign == '\''))
        fputs("\\&", stdout);
    if (sign == '\\')
        fputs("\\e", stdout);
    else if (sign == '-')
        fputs("\\-", stdout);
    else
        putchar(sign);
}

/* Text, filled to lines of a length that mandoc(1) likes. */
static void roff(const char *text)
{
    size_t column = 0;
    for (; *text; text++) {
        if (*text == ' ' && column + 1 + strcspn(text + 1, " \n") > LINE_LENGTH) {
            putchar('\n');
            column = 0;
            continue;
        }
        roff_sign(*text, column == 0);
        column = *text == '\n' ? 0 : column + 1;
    }
}

static bool is_placeholder(char sign)
{
    return (sign >= 'A' && sign <= 'Z') || sign == '/';
}

/* "[-p POLICY] -- COMMAND…": what is typed as it stands is bold, what stands for something is italic. On one line. */
static void roff_usage(const char *usage)
{
    char font = 'R';
    for (; *usage; usage++) {
        char wanted = strchr(" []|…", *usage) || (*usage & 0x80) ? 'R' : is_placeholder(*usage) ? 'I' : 'B';
        if (wanted != font)
            printf("\\f%c", wanted);
        font = wanted;
        roff_sign(*usage, false);
    }
    if (font != 'R')
        fputs("\\fR", stdout);
}

static void heading(const char *name, const char *section, const char *summary)
{
    printf(".TH ");
    for (const char *p = name; *p; p++)
        putchar(toupper((unsigned char)*p));
    printf(" %s " NODEWISE_DATE " \"nodewise " NODEWISE_VERSION "\" \"%s\"\n.SH NAME\n", section,
           *section == '1' ? "User Commands" : "Miscellaneous");
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
    roff_usage(verb->usage);
    printf("\n.SH DESCRIPTION\n");
    int status = copy_fragment(fragment);
    print_options(verb);
    printf(".SH SEE ALSO\n.BR nodewise (1),\n.BR nodewise.toml (5),\n.BR nodewise\\-codes (7)\n");
    return status;
}

/* nodewise(1): what stands in front of the verbs, the verbs, and what stands behind. */
static int print_overview(const char *head, const char *tail)
{
    heading("nodewise", "1", "CPUs and memory for the threads of unmodified programs");
    int status = copy_fragment(head);
    printf(".SH VERBS\n");
    for (size_t i = 0; i < verb_count; i++) {
        printf(".TP\n\\fB%s\\fR ", verbs[i].name);
        roff_usage(verbs[i].usage);
        printf("\n");
        roff(verbs[i].summary);
        printf("\n");
    }
    return status == EXIT_OK ? copy_fragment(tail) : status;
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
    if (argc == 4 && strcmp(argv[1], "overview") == 0)
        return finish_output(print_overview(argv[2], argv[3]));
    if (argc != 2 || strcmp(argv[1], "codes") != 0)
        return usage_error("manual", "VERB FRAGMENT, overview HEAD TAIL, or codes");
    print_codes();
    return finish_output(EXIT_OK);
}
