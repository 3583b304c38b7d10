/* The key reference of nodewise.toml(5), with man(7) macros. */
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/needs.h"

enum { LINE_LENGTH = 66 };

/* A word as troff wants it: no macro at the start of a line, no escapes, plain quotes and minus signs. */
static void print_word(FILE *to, const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        switch (word[i]) {
        case '\\':
            fputs("\\e", to);
            break;
        case '-':
            fputs("\\-", to);
            break;
        case '\'':
            fputs("\\(aq", to);
            break;
        case '.':
            fputs(i == 0 ? "\\&." : ".", to);
            break;
        default:
            fputc(word[i], to);
        }
}

static void print_roff(FILE *to, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (column) {
            bool full = column + 1 + length > LINE_LENGTH;
            fputc(full ? '\n' : ' ', to);
            column = full ? 0 : column + 1;
        }
        print_word(to, text, length);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
}

static void print_words(FILE *to, const struct key *key)
{
    fputs(".RS\n", to);
    for (unsigned i = 0; i < key->words->count; i++) {
        if (!key_takes_word(key, i))
            continue;
        fputs(".TP\n.B ", to);
        print_roff(to, key->words->words[i].text);
        fputc('\n', to);
        print_roff(to, key->words->words[i].help);
        fputc('\n', to);
    }
    fputs(".RE\n", to);
}

static void print_key(FILE *to, const struct key *key)
{
    fputs(".TP\n.B ", to);
    print_roff(to, key->name);
    fputc('\n', to);
    print_roff(to, key->summary);
    fputs(".\nTakes\n", to);
    print_roff(to, key_type_text(key));
    fputs(".\n", to);
    if (key->fallback) {
        fputs("Default: ", to);
        print_roff(to, key->fallback);
        fputs(".\n", to);
    }
    if (key->text) {
        print_roff(to, key->text);
        fputc('\n', to);
    }
    char needs[NEEDS_TEXT_MAX];
    if (needs_text(key, needs, sizeof(needs))) {
        char sentence[NEEDS_TEXT_MAX + 64];
        snprintf(sentence, sizeof(sentence), "Without effect%s%s%s unless %s.", key->needed_for ? " as `" : "",
                 key->needed_for ? key->needed_for : "", key->needed_for ? "`" : "", needs);
        print_roff(to, sentence);
        fputc('\n', to);
    }
    if (key->words)
        print_words(to, key);
}

struct printing {
    FILE *to;
    const struct key_table *done[32];
    size_t count;
};

static bool is_first_time(struct printing *printing, const struct key_table *table)
{
    for (size_t i = 0; i < printing->count; i++)
        if (printing->done[i] == table)
            return false;
    if (printing->count < sizeof(printing->done) / sizeof(printing->done[0]))
        printing->done[printing->count++] = table;
    return true;
}

static void print_table(struct printing *printing, const struct key_table *table, const char *heading)
{
    if (!is_first_time(printing, table))
        return;
    fputs(".SS ", printing->to);
    print_roff(printing->to, heading);
    fputc('\n', printing->to);
    print_roff(printing->to, table->summary);
    fputc('\n', printing->to);
    if (table->more)
        fputs("All keys of [defaults] stand here as well.\n", printing->to);
    for (size_t i = 0; i < table->count; i++)
        print_key(printing->to, &table->keys[i]);
}

static bool visit(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    (void)in;
    if (!key->table)
        return true;
    char heading[KEY_PATH_MAX + 16];
    if (key_is_named_list(key))
        snprintf(heading, sizeof(heading), "[[%s]]", path);
    else if (strchr(path, '.'))
        snprintf(heading, sizeof(heading), "%s = { }", strncmp(path, "rules.NAME.", 11) == 0 ? path + 11 : path);
    else
        snprintf(heading, sizeof(heading), "[%s]", path);
    print_table(context, key->table, heading);
    return true;
}

void config_manual(FILE *to)
{
    struct printing printing = {.to = to};
    print_table(&printing, &key_root, "Top level");
    keys_visit(visit, &printing);
}
