/*
 * The words before the last one are read as getopt_long(3) would read them: is a value due, which argument is next, has
 * another command begun? What may stand there is then named by the help ("--policy POLICY") or the usage ("PID…").
 */
#include "tools/complete/line.h"

#include <stdio.h>
#include <string.h>

#include "tools/common/verb_options.h"
#include "tools/complete/kinds.h"

#define OPERANDS_MOST 4u

struct operand {
    const char *name; /* "PID|FILE"; not ended */
    size_t length;
    bool repeated;
};

struct reader {
    const struct line *line;
    struct verb_option options[VERB_OPTIONS_MOST];
    size_t option_count;
    bool given[VERB_OPTIONS_MOST];
    struct operand operands[OPERANDS_MOST];
    size_t operand_count;
    bool has_command;
    /* of the words before the last */
    const struct verb_option *due; /* the option whose value the last word is */
    size_t taken;                  /* arguments */
    size_t command;                /* the index of the word with which a command begins; 0: none has */
};

/* --- what the usage says --- */

static size_t token_length(const char *usage)
{
    return strcspn(usage, " ");
}

/* Behind "[-p POLICY|-c SET]…" or "[--json]": options, which the help has. */
static const char *skip_bracket(const char *usage)
{
    usage += strcspn(usage, "]");
    return usage + token_length(usage);
}

static void add_operand(struct reader *reader, const char *token, size_t length)
{
    static const char more[] = "…";
    bool repeated = false;
    if (length > sizeof(more) - 1 && memcmp(token + length - (sizeof(more) - 1), more, sizeof(more) - 1) == 0) {
        repeated = true;
        length -= sizeof(more) - 1;
    }
    if (*token == '[') {
        token++;
        length--;
        repeated = repeated || memmem(token, length, more, sizeof(more) - 1);
        length = strcspn(token, "]…");
    }
    if (reader->operand_count < OPERANDS_MOST)
        reader->operands[reader->operand_count++] = (struct operand){token, length, repeated};
}

/* "show [--origin] | schema | path" is one argument; so is "--sh|--systemd", of which the help tells. */
static void read_usage(struct reader *reader)
{
    for (const char *usage = reader->line->usage; *usage; usage += strspn(usage, " ")) {
        size_t length = token_length(usage);
        if (strncmp(usage, "[-- ", 4) == 0 || strncmp(usage, "-- ", 3) == 0) {
            reader->has_command = true;
            return;
        }
        if (strncmp(usage, "[-", 2) == 0) {
            usage = skip_bracket(usage);
            continue;
        }
        if (*usage == '-') { /* an option that must be given, and its value */
            usage += length;
            usage += strspn(usage, " ");
            if (*usage != '[' && *usage != '-')
                usage += token_length(usage);
            continue;
        }
        if (*usage != '|')
            add_operand(reader, usage, length);
        usage += length;
    }
}

/* --- what the words say --- */

static size_t index_of(const struct reader *reader, const struct verb_option *option)
{
    return (size_t)(option - reader->options);
}

static const struct verb_option *of_name(const struct reader *reader, const char *name, size_t length)
{
    for (size_t i = 0; i < reader->option_count; i++)
        if (length && strlen(reader->options[i].name) == length && strncmp(reader->options[i].name, name, length) == 0)
            return &reader->options[i];
    return NULL;
}

static const struct verb_option *of_letter(const struct reader *reader, char letter)
{
    for (size_t i = 0; i < reader->option_count; i++)
        if (letter && reader->options[i].letter == letter)
            return &reader->options[i];
    return NULL;
}

static void read_option(struct reader *reader, const char *word)
{
    size_t length = strcspn(word, "=");
    bool is_long = word[1] == '-', has_value = is_long ? word[length] == '=' : word[2] != '\0';
    const struct verb_option *option = is_long ? of_name(reader, word + 2, length - 2) : of_letter(reader, word[1]);
    if (!option)
        return;
    reader->given[index_of(reader, option)] = true;
    if (option->argument[0] && !has_value)
        reader->due = option;
}

static void read_words(struct reader *reader)
{
    const struct line *line = reader->line;
    for (size_t i = 0; i + 1 < line->count; i++) {
        const char *word = line->words[i];
        bool is_option = word[0] == '-' && word[1] != '\0';
        if (reader->due) {
            reader->due = NULL;
        } else if (reader->has_command && strcmp(word, "--") == 0) {
            reader->command = i + 2; /* the verb is word 0 */
            return;
        } else if (is_option) {
            read_option(reader, word);
        } else if (reader->has_command && reader->operand_count == 0) {
            reader->command = i + 1; /* `run` takes the first word that is no option for the program's */
            return;
        } else {
            reader->taken++;
        }
    }
}

/* --- the last word --- */

static void add_options(struct answer *answer, const struct reader *reader)
{
    for (size_t i = 0; i < reader->option_count; i++) {
        const struct verb_option *option = &reader->options[i];
        char word[sizeof(option->name) + 2];
        bool again = strstr(option->text, "may be repeated");
        if ((!option->name[0] && !option->letter) || (reader->given[i] && !again))
            continue;
        if (option->name[0])
            snprintf(word, sizeof(word), "--%s", option->name);
        else
            snprintf(word, sizeof(word), "-%c", option->letter);
        answer_add(answer, word, option->text);
    }
    if (reader->has_command)
        answer_add(answer, "--", "the command follows");
}

static void add_value(struct answer *answer, const struct reader *reader, const struct verb_option *option,
                      const char *word)
{
    struct kind_request request = {reader->line->any_process, word};
    kinds_complete(answer, option->argument, strlen(option->argument), &request);
}

/* The arguments in words of their own, "show | schema | path", are alternatives of the first one. */
static void add_operands(struct answer *answer, const struct reader *reader, const char *word)
{
    struct kind_request request = {reader->line->any_process, word};
    bool alternatives = strstr(reader->line->usage, " | ") != NULL;
    for (size_t i = 0; i < reader->operand_count; i++) {
        const struct operand *operand = &reader->operands[i];
        bool is_next = alternatives ? reader->taken == 0
                                    : i == reader->taken ||
                                          (i + 1 == reader->operand_count && operand->repeated && reader->taken > i);
        if (is_next)
            kinds_complete(answer, operand->name, operand->length, &request);
    }
}

static void begin_command(struct answer *answer, size_t first)
{
    answer->more = ANSWER_COMMAND;
    answer->first = first;
}

void line_complete(struct answer *answer, const struct line *line)
{
    static struct reader reader;
    const char *word = line->words[line->count - 1];
    reader = (struct reader){.line = line};
    reader.option_count = verb_options(line->help, reader.options);
    read_usage(&reader);
    read_words(&reader);
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    const struct verb_option *named = equals ? of_name(&reader, word + 2, (size_t)(equals - word - 2)) : NULL;
    if (reader.command)
        begin_command(answer, reader.command);
    else if (reader.due)
        add_value(answer, &reader, reader.due, word);
    else if (equals && named && named->argument[0])
        add_value(answer, &reader, named, equals + 1);
    else if (*word == '-')
        add_options(answer, &reader);
    else if (*word && reader.has_command && reader.operand_count == 0)
        begin_command(answer, line->count);
    else
        add_operands(answer, &reader, word);
    if (!answer->candidates && answer->more == ANSWER_WORDS && !*word && !reader.due)
        add_options(answer, &reader);
}
