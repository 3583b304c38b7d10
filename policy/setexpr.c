#include "policy/setexpr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/setexpr_eval.h"

/*
 * One recursive descent that reads a set and, when there is a topology, evaluates it on the way:
 *
 *   set  := ['!'] ['+'] part { ',' part }        '!' and '+' are about the whole set, as in numactl(8)
 *   part := term { '&' ['!'] term }              what is in both; with '!', what is in those before it alone
 *   term := '(' set ')' | RANGE | WORD | KIND ':' RANGE | DEVICE ':' NAME | 'rule:' NAME | LEVEL '-of(' set ')'
 *   RANGE := NUMBER [ '-' NUMBER [ ':' NUMBER ] ]
 */

#define MAX_DEPTH 8 /* of parentheses; two are of use */

struct parser {
    const char *text; /* the whole item */
    const char *at;
    struct span span; /* of the item's value in its source */
    enum set_unit unit;
    const struct set_scope *scope; /* NULL: only the syntax */
    bool absent_device;
    unsigned depth;
    struct diag_list *diags;
};

static uint32_t characters(const char *from, const char *to)
{
    uint32_t count = 0;
    for (; from < to; from++)
        count += ((unsigned char)*from & 0xc0) != 0x80;
    return count;
}

/* A place inside the value. A TOML string's span begins at its quote; a variable's or --set's text has none. */
static struct span span_at(const struct parser *parser, const char *at, size_t length)
{
    struct span span = parser->span;
    uint32_t inside = characters(at, at + length);
    span.column += characters(parser->text, at) + (span.line ? 1 : 0);
    span.length = inside ? inside : 1;
    return span;
}

static size_t term_length(const char *at)
{
    size_t length = strcspn(at, ",()&");
    return length ? length : 1;
}

static int syntax_error(struct parser *parser, enum diag_code code, const char *at, const char *help,
                        const char *message)
{
    size_t length = *at ? term_length(at) : 0;
    if (*at)
        diag_add(parser->diags, code, span_at(parser, at, length), NULL, help, "%s: `%.*s`", message, (int)length, at);
    else
        diag_add(parser->diags, code, span_at(parser, at, length), NULL, help, "%s", message);
    return -EINVAL;
}

static void skip_blanks(struct parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\t')
        parser->at++;
}

/* --- ranges --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The text of one RANGE, checked by the list parser that all of policy/ uses. */
static int parse_range(struct parser *parser, struct cpuset *ret_ids)
{
    char range[64];
    size_t length = strspn(parser->at, "0123456789-:"), error_at = 0;
    if (length >= sizeof(range))
        return syntax_error(parser, DIAG_E051, parser->at, NULL, "the range is too long");
    memcpy(range, parser->at, length);
    range[length] = '\0';
    int error = cpuset_parse_list(ret_ids, range, &error_at);
    if (error == -ERANGE)
        return syntax_error(parser, DIAG_E051, parser->at, NULL, "no machine has such a number");
    if (error == -EINVAL)
        return syntax_error(parser, DIAG_E051, parser->at + error_at, "A, A-B or A-B:STEP with A <= B",
                            "not a range of numbers");
    parser->at += length;
    return error;
}

/* --- words --- */

static bool takes_word(struct parser *parser, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(parser->at, word, length) != 0)
        return false;
    char next = parser->at[length];
    if (next != '\0' && next != ',' && next != ')' && next != '&' && next != ' ' && next != '\t')
        return false;
    parser->at += length;
    return true;
}

static bool takes_prefix(struct parser *parser, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(parser->at, prefix, length) != 0)
        return false;
    parser->at += length;
    return true;
}

static const char *const level_words[LEVEL_COUNT] = {
    [LEVEL_NODE] = "node", [LEVEL_SOCKET] = "socket", [LEVEL_L3] = "l3", [LEVEL_CORE] = "core", [LEVEL_CPU] = "cpu",
};

/* The level whose word, followed by `tail`, is next; the parser is moved behind it. */
static enum level takes_level(struct parser *parser, const char *tail)
{
    for (int level = LEVEL_NODE; level < LEVEL_COUNT; level++) {
        char prefix[16];
        snprintf(prefix, sizeof(prefix), "%s%s", level_words[level], tail);
        if (takes_prefix(parser, prefix))
            return (enum level)level;
    }
    return LEVEL_NONE;
}

/* What the words of other tools are called here. */
static const char *help_for_word(const char *at)
{
    static const struct {
        const char *theirs, *help;
    } words[] = {
        {"numa", "a NUMA node is node:N here"},
        {"package", "a package is socket:N here"},
        {"pack", "a package is socket:N here"},
        {"llc", "a last-level cache is l3:N here"},
        {"cache", "a last-level cache is l3:N here"},
        {"thread", "a hardware thread is cpu:N here"},
        {"pu", "a hardware thread is cpu:N here"},
        {"S", "a package is socket:N here"},
        {"N", "a NUMA node is node:N here"},
        {"C", "a last-level cache is l3:N here"},
        {"M", "a NUMA node is node:N here"},
        {"nic", "a network interface is netdev:NAME here"},
        {"net", "a network interface is netdev:NAME here"},
        {"disk", "a disk is block:NAME here"},
        {"cuda", "a GPU is gpu:N here"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t length = strlen(words[i].theirs);
        if (strncmp(at, words[i].theirs, length) == 0 && (at[length] == ':' || is_digit(at[length])))
            return words[i].help;
    }
    return "numbers, all, none, local, perf, eff, node: socket: l3: core: cpu:, netdev: block: pci: gpu: file: ip:, "
           "rule:NAME, or LEVEL-of(SET)";
}

/* --- terms --- */

static int parse_set(struct parser *parser, struct set_value *ret_value);

/* The name behind "netdev:" and the like, up to the end of the term; malloc'd. */
static int take_name(struct parser *parser, char **ret_name)
{
    size_t length = strcspn(parser->at, ",)");
    const char *sign = memmem(parser->at, length, " &", 2); /* without a blank it is a character of the name */
    if (sign)
        length = (size_t)(sign - parser->at);
    while (length && parser->at[length - 1] == ' ')
        length--;
    if (length == 0)
        return syntax_error(parser, DIAG_E050, parser->at, NULL, "a name is missing");
    *ret_name = strndup(parser->at, length);
    parser->at += length;
    return *ret_name ? 0 : -ENOMEM;
}

/* Behind a '(', with the ')' that belongs to it. */
static int parse_inner(struct parser *parser, struct set_value *ret_value)
{
    const char *open = parser->at - 1;
    if (++parser->depth > MAX_DEPTH)
        return syntax_error(parser, DIAG_E052, parser->at, NULL, "nested too deeply");
    int error = parse_set(parser, ret_value);
    parser->depth--;
    if (error == 0 && *parser->at != ')')
        return syntax_error(parser, DIAG_E052, open, NULL, "a ')' is missing for this");
    parser->at += error == 0;
    return error;
}

static int parse_level_of(struct parser *parser, enum level level, struct set_value *ret_value)
{
    struct set_value inner = {0};
    int error = parse_inner(parser, &inner);
    if (error == 0 && parser->scope)
        error = eval_level_of(parser->scope, level, &inner, ret_value);
    set_value_free(&inner);
    return error;
}

static int parse_device(struct parser *parser, enum set_device kind, struct set_value *ret_value)
{
    char *name = NULL;
    int error = take_name(parser, &name);
    if (error == 0 && parser->scope) {
        error = eval_device(parser->scope, kind, name, ret_value);
        if (error == -ENODEV) {
            parser->absent_device = true;
            error = 0;
        }
    }
    free(name);
    return error;
}

static int parse_rule(struct parser *parser, struct set_value *ret_value)
{
    const char *at = parser->at;
    char *name = NULL;
    int error = take_name(parser, &name);
    if (error == 0 && parser->scope) {
        error = parser->scope->rule_cpus ? eval_rule(parser->scope, name, ret_value) : -EINVAL;
        if (error == -ENOENT)
            error = syntax_error(parser, DIAG_E029, at, NULL, "no rule has this name");
        else if (error == -ELOOP)
            error = syntax_error(parser, DIAG_E054, at, NULL, "this rule's set depends on itself");
        else if (error == -EINVAL && !parser->scope->rule_cpus)
            error = syntax_error(parser, DIAG_E054, at, NULL, "rules cannot be named here");
    }
    free(name);
    return error;
}

static int parse_word(struct parser *parser, struct set_value *ret_value)
{
    static const struct {
        const char *prefix;
        enum set_device kind;
    } devices[] = {
        {"netdev:", SET_DEVICE_NETDEV}, {"block:", SET_DEVICE_BLOCK}, {"pci:", SET_DEVICE_PCI},
        {"gpu:", SET_DEVICE_GPU},       {"file:", SET_DEVICE_FILE},   {"ip:", SET_DEVICE_IP},
    };
    static const struct {
        const char *word;
        enum set_word value;
    } words[] = {
        {"all", SET_WORD_ALL},     {"allowed", SET_WORD_ALL}, {"none", SET_WORD_NONE},
        {"local", SET_WORD_LOCAL}, {"perf", SET_WORD_PERF},   {"eff", SET_WORD_EFF},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (takes_word(parser, words[i].word))
            return parser->scope ? eval_word(parser->scope, words[i].value, ret_value) : 0;
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
        if (takes_prefix(parser, devices[i].prefix))
            return parse_device(parser, devices[i].kind, ret_value);
    if (takes_prefix(parser, "rule:"))
        return parse_rule(parser, ret_value);
    enum level level = takes_level(parser, "-of(");
    if (level != LEVEL_NONE)
        return parse_level_of(parser, level, ret_value);
    level = takes_level(parser, ":");
    if (level == LEVEL_NONE)
        return syntax_error(parser, DIAG_E050, parser->at, help_for_word(parser->at), "not a word of sets");
    struct cpuset ids = CPUSET_EMPTY;
    int error = is_digit(*parser->at) ? parse_range(parser, &ids)
                                      : syntax_error(parser, DIAG_E051, parser->at, NULL, "a number is missing");
    if (error == 0 && parser->scope)
        error = eval_places(parser->scope, level, &ids, ret_value);
    cpuset_free(&ids);
    return error;
}

static int parse_term(struct parser *parser, bool relative, struct set_value *ret_value)
{
    skip_blanks(parser);
    if (*parser->at == '!' || *parser->at == '+')
        return syntax_error(parser, DIAG_E053, parser->at,
                            "write \"!0,2\" for all but 0 and 2, \"0-7 & !2\" for 0 to 7 but 2",
                            "this sign is about the whole set and stands at its beginning");
    if (takes_prefix(parser, "("))
        return parse_inner(parser, ret_value);
    if (*parser->at == '\0')
        return syntax_error(parser, DIAG_E050, parser->at, NULL, "the set ends where a member is expected");
    if (!is_digit(*parser->at))
        return parse_word(parser, ret_value);
    struct cpuset ids = CPUSET_EMPTY;
    int error = parse_range(parser, &ids);
    if (error == 0 && parser->scope)
        error = eval_numbers(parser->scope, parser->unit, relative, &ids, ret_value);
    cpuset_free(&ids);
    return error;
}

/* Behind a '&'. */
static int parse_cut(struct parser *parser, bool relative, struct set_value *value)
{
    struct set_value other = {0};
    skip_blanks(parser);
    bool without = takes_prefix(parser, "!");
    int error = parse_term(parser, relative, &other);
    if (error == 0 && parser->scope)
        error = without ? eval_without(parser->scope, value, &other) : eval_intersect(parser->scope, value, &other);
    set_value_free(&other);
    return error;
}

static int parse_part(struct parser *parser, bool relative, struct set_value *ret_value)
{
    int error = parse_term(parser, relative, ret_value);
    while (skip_blanks(parser), error == 0 && takes_prefix(parser, "&"))
        error = parse_cut(parser, relative, ret_value);
    return error;
}

static int parse_set(struct parser *parser, struct set_value *ret_value)
{
    skip_blanks(parser);
    bool inverted = *parser->at == '!';
    parser->at += inverted;
    bool relative = *parser->at == '+';
    parser->at += relative;
    for (;;) {
        struct set_value part = {0};
        int error = parse_part(parser, relative, &part);
        if (error == 0 && parser->scope)
            error = eval_union(ret_value, &part);
        set_value_free(&part);
        if (error < 0)
            return error;
        if (*parser->at != ',')
            break;
        parser->at++;
    }
    return inverted && parser->scope ? eval_invert(parser->scope, parser->unit, ret_value) : 0;
}

static int parse_item(struct parser *parser, const struct text *item, struct set_value *ret_value)
{
    parser->text = parser->at = item->value;
    parser->span = item->span;
    parser->depth = 0;
    int error = parse_set(parser, ret_value);
    if (error == 0 && *parser->at)
        error = syntax_error(parser, DIAG_E052, parser->at, NULL, "the set should end before this");
    return error;
}

int setexpr_check(const struct text *item, enum set_unit unit, struct diag_list *diags)
{
    struct parser parser = {.unit = unit, .diags = diags};
    struct set_value value = {0};
    int error = parse_item(&parser, item, &value);
    set_value_free(&value);
    return error;
}

int setexpr_resolve(const struct set_list *list, enum set_unit unit, const struct set_scope *scope,
                    struct set_result *ret_result, struct diag_list *diags)
{
    struct parser parser = {.unit = unit, .scope = scope, .diags = diags};
    struct set_value value = {0};
    size_t taken = list->count;
    int error = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct set_value candidate = {0};
        /* Behind the one that is taken only the syntax counts: a mistake there must not wait for another machine. */
        parser.scope = taken == list->count ? scope : NULL;
        int failed = parse_item(&parser, &list->items[i], &candidate);
        if (failed == 0 && parser.scope) {
            cpuset_and(&candidate.cpus, scope->limit);
            /* Memory may lie on a node without CPUs; threads need CPUs. */
            if (!cpuset_is_empty(&candidate.cpus) || (unit == SET_NODES && !cpuset_is_empty(&candidate.nodes)))
                taken = i;
            set_value_free(&value);
            value = candidate;
        } else {
            set_value_free(&candidate);
        }
        if (failed == -ENOMEM || error == 0)
            error = failed;
    }
    if (error < 0) {
        set_value_free(&value);
        return error;
    }
    *ret_result = (struct set_result){value.cpus, value.nodes, taken, parser.absent_device};
    return 0;
}

void set_result_free(struct set_result *result)
{
    cpuset_free(&result->cpus);
    cpuset_free(&result->nodes);
}
