#include "tools/common/option_error.h"

#include <stdio.h>
#include <string.h>

#include "config/suggest.h"
#include "tools/common/cli.h"

static const struct option *of_letter(const struct option *known, int letter)
{
    while (known->name && known->val != letter)
        known++;
    return known->name ? known : NULL;
}

static size_t begin_alike(const struct option *known, const char *name)
{
    size_t count = 0;
    for (; known->name; known++)
        count += strncmp(known->name, name, strlen(name)) == 0;
    return count;
}

static int unknown(const char *verb, const char *word, const struct option *known)
{
    char name[32];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    struct suggestion near = suggest_for(name);
    if (begin_alike(known, name) > 1)
        return usage_error(verb, "\"%s\" is the beginning of several options", word);
    for (; known->name; known++)
        suggest_offer(&near, known->name);
    if (near.best)
        return usage_error(verb, "\"%s\" is not an option: did you mean \"--%s\"?", word, near.best);
    return usage_error(verb, "\"%s\" is not an option", word);
}

static int wrong_letter(const char *verb, int letter, const struct option *known)
{
    const struct option *option = of_letter(known, letter);
    if (option && option->has_arg == required_argument)
        return usage_error(verb, "-%c needs a value, as --%s", letter, option->name);
    return usage_error(verb, "\"-%c\" is not an option", letter);
}

int option_error(const char *verb, char *const *argv, const struct option *known)
{
    const char *word = argv[optind - 1];
    if (strncmp(word, "--", 2) != 0)
        return wrong_letter(verb, optopt, known);
    if (optopt == 0)
        return unknown(verb, word, known);
    return usage_error(verb, strchr(word, '=') ? "\"%s\": this option takes no value" : "%s needs a value", word);
}
