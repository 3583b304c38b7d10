#include "tools/common/verb_options.h"

#include <stdio.h>
#include <string.h>

#define TEXT_COLUMN 22u /* where the texts of all verbs begin */

static size_t word_length(const char *text, const char *end)
{
    size_t length = 0;
    while (text + length < end && text[length] != ' ' && text[length] != ',')
        length++;
    return length;
}

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && *text == ' ')
        text++;
    return text;
}

static void take(char *to, size_t size, const char *text, size_t length)
{
    snprintf(to, size, "%.*s", (int)length, text);
}

/* "  -p, --policy FILE   text". */
static void read_head(struct verb_option *option, const char *line, const char *end)
{
    const char *at = skip_blanks(line, end);
    *option = (struct verb_option){0};
    if (at + 1 < end && at[0] == '-' && at[1] != '-') {
        option->letter = at[1];
        at = skip_blanks(at + 2 + (at[2] == ','), end);
    }
    if (at + 2 < end && at[0] == '-' && at[1] == '-') {
        take(option->name, sizeof(option->name), at + 2, word_length(at + 2, end));
        at += 2 + word_length(at + 2, end);
        if (at + 1 < end && at[0] == ' ' && at[1] != ' ')
            at++; /* an argument follows */
        else
            at = skip_blanks(at, end);
    }
    const char *text = line + TEXT_COLUMN < end && line[TEXT_COLUMN - 1] == ' ' && at <= line + TEXT_COLUMN
                           ? line + TEXT_COLUMN
                           : NULL;
    size_t length = word_length(at, end);
    if (!text || at < text) { /* longer heads push their text to the right, behind two blanks */
        const char *gap = at;
        while (gap + 1 < end && !(gap[0] == ' ' && gap[1] == ' '))
            gap++;
        if (gap + 1 < end && (!option->name[0] || gap > at)) {
            take(option->argument, sizeof(option->argument), at, (size_t)(gap - at));
            text = skip_blanks(gap, end);
        } else if (!text) {
            take(option->argument, sizeof(option->argument), at, length);
            text = end;
        }
    }
    take(option->text, sizeof(option->text), text, (size_t)(end - text));
}

static void add_text(struct verb_option *option, const char *line, const char *end)
{
    size_t length = strlen(option->text);
    line = skip_blanks(line, end);
    snprintf(option->text + length, sizeof(option->text) - length, " %.*s", (int)(end - line), line);
}

size_t verb_options(const char *help, struct verb_option ret_options[VERB_OPTIONS_MOST])
{
    size_t count = 0;
    while (*help) {
        const char *end = strchr(help, '\n');
        if (!end)
            end = help + strlen(help);
        if (strncmp(help, "  ", 2) == 0 && help[2] != ' ' && count < VERB_OPTIONS_MOST)
            read_head(&ret_options[count++], help, end);
        else if (strncmp(help, "      ", 6) == 0 && count > 0)
            add_text(&ret_options[count - 1], help, end);
        help = *end ? end + 1 : end;
    }
    return count;
}
