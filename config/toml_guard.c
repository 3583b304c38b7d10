/*
 * One walk over the text, byte by byte, that knows just enough of TOML to tell strings and comments from the rest.
 * Where the parser would stop at an error, the walk may go on in another state than the parser's: it then refuses, at
 * most, a text that the parser refuses as well.
 */
#include "config/toml_guard.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const unsigned max_dots_in_line = 64;

struct walk {
    const char *source;
    const char *text;
    size_t size;
    size_t at;
    size_t line_start;
    uint32_t line;
    unsigned dots; /* of this line, outside strings and comments */
    struct toml_error *error;
};

static bool at_end(const struct walk *walk)
{
    return walk->at >= walk->size;
}

static unsigned char byte_at(const struct walk *walk, size_t at)
{
    return at < walk->size ? (unsigned char)walk->text[at] : 0;
}

static unsigned char current(const struct walk *walk)
{
    return byte_at(walk, walk->at);
}

static bool is_beyond_ascii(unsigned char c)
{
    return c >= 0x80;
}

static void step(struct walk *walk)
{
    if (current(walk) == '\n') {
        walk->line++;
        walk->line_start = walk->at + 1;
        walk->dots = 0;
    }
    walk->at++;
}

static void step_over(struct walk *walk, size_t bytes)
{
    while (bytes-- > 0 && !at_end(walk))
        step(walk);
}

/* The column counts characters, as spans do: bytes that continue a UTF-8 sequence are not counted. */
static struct span here(const struct walk *walk)
{
    struct span span = {.source = walk->source, .line = walk->line, .column = 1, .length = 1};
    for (size_t i = walk->line_start; i < walk->at; i++)
        span.column += ((unsigned char)walk->text[i] & 0xc0) != 0x80;
    return span;
}

__attribute__((format(printf, 2, 3))) static int refuse(struct walk *walk, const char *format, ...)
{
    walk->error->span = here(walk);
    va_list list;
    va_start(list, format);
    vsnprintf(walk->error->message, sizeof(walk->error->message), format, list);
    va_end(list);
    return -EINVAL;
}

/* The character that begins here, or 0 where the bytes are not UTF-8. */
static uint32_t code_point(const struct walk *walk)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
        if ((current(walk) & forms[form].mask) != forms[form].lead)
            continue;
        uint32_t code = current(walk) & (unsigned char)~forms[form].mask;
        for (size_t i = 1; i <= form + 1; i++) {
            unsigned char next = byte_at(walk, walk->at + i);
            if ((next & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (next & 0x3f);
        }
        return code >= forms[form].least && code <= 0x10ffff ? code : 0;
    }
    return 0;
}

/* The one refusal of text that TOML allows, so it comes with what to write instead. */
static int refuse_after_line_break(struct walk *walk)
{
    uint32_t code = code_point(walk);
    if (!code)
        return refuse(walk, "the text is not UTF-8");
    return refuse(walk,
                  code > 0xffff
                      ? "a character beyond ASCII cannot follow a line-ending backslash: write it as \\U%08X, or "
                        "move it before the backslash"
                      : "a character beyond ASCII cannot follow a line-ending backslash: write it as \\u%04X, or "
                        "move it before the backslash",
                  code);
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static bool is_line_break(unsigned char c)
{
    return c == '\n' || c == '\r';
}

/* Stands behind a backslash of a multi-line basic string. */
static int walk_escape(struct walk *walk)
{
    if (is_beyond_ascii(current(walk)))
        return refuse(walk,
                      "a backslash and a character beyond ASCII are no escape sequence: write \\\\ for a backslash");
    if (!is_blank(current(walk)) && !is_line_break(current(walk))) {
        step(walk);
        return 0;
    }
    while (is_blank(current(walk)))
        step(walk);
    if (is_beyond_ascii(current(walk)))
        return refuse(walk, "a line-ending backslash must be the last character on its line");
    while (is_blank(current(walk)) || is_line_break(current(walk)))
        step(walk);
    return is_beyond_ascii(current(walk)) ? refuse_after_line_break(walk) : 0;
}

static bool starts_with(const struct walk *walk, const char *quotes, size_t width)
{
    return walk->size - walk->at >= width && memcmp(walk->text + walk->at, quotes, width) == 0;
}

/* At its first quote, where a person looks for it; the parser would say it of the end of the line, or of the text. */
static int refuse_open_string(struct walk *walk, size_t start, uint32_t line, size_t line_start, const char *quotes)
{
    walk->at = start;
    walk->line = line;
    walk->line_start = line_start;
    return refuse(walk, "this string has no end: %s is missing", quotes);
}

static int walk_multi_line_string(struct walk *walk, const char *quotes)
{
    size_t start = walk->at, line_start = walk->line_start;
    uint32_t line = walk->line;
    step_over(walk, 3);
    while (!at_end(walk)) {
        if (starts_with(walk, quotes, 3)) {
            step_over(walk, 3);
            /* One or two quotes may stand right before the closing three (TOML 1.0, "Multi-line basic strings"). */
            for (int more = 0; more < 2 && current(walk) == (unsigned char)quotes[0]; more++)
                step(walk);
            return 0;
        }
        bool escapes = quotes[0] == '"' && current(walk) == '\\';
        step(walk);
        int error = escapes ? walk_escape(walk) : 0;
        if (error < 0)
            return error;
    }
    return refuse_open_string(walk, start, line, line_start, quotes);
}

static int walk_string(struct walk *walk)
{
    const char *quotes = current(walk) == '"' ? "\"\"\"" : "'''";
    if (starts_with(walk, quotes, 3))
        return walk_multi_line_string(walk, quotes);
    size_t start = walk->at;
    for (step(walk); !at_end(walk) && current(walk) != '\n'; step(walk)) {
        if (current(walk) == (unsigned char)quotes[0]) {
            step(walk);
            return 0;
        }
        if (quotes[0] == '"' && current(walk) == '\\' && byte_at(walk, walk->at + 1) != '\n')
            step(walk);
    }
    return refuse_open_string(walk, start, walk->line, walk->line_start, quotes + 2);
}

static void walk_comment(struct walk *walk)
{
    while (!at_end(walk) && current(walk) != '\n')
        step(walk);
}

static int walk_bare(struct walk *walk)
{
    if (is_beyond_ascii(current(walk)))
        return refuse(walk,
                      "a character beyond ASCII stands outside quotes: put the key or the value in straight quotes");
    if (current(walk) == '.' && ++walk->dots > max_dots_in_line) {
        walk->error->too_deep = true;
        return refuse(walk, "keys nest too deeply");
    }
    step(walk);
    return 0;
}

int toml_guard(const char *source, const char *text, size_t size, struct toml_error *ret_error)
{
    struct walk walk = {.source = source, .text = text, .size = size, .line = 1, .error = ret_error};
    if (starts_with(&walk, "\xef\xbb\xbf", 3)) /* a byte order mark, which the parser skips at the start alone */
        walk.at = walk.line_start = 3;
    while (!at_end(&walk)) {
        int error = 0;
        if (current(&walk) == '"' || current(&walk) == '\'')
            error = walk_string(&walk);
        else if (current(&walk) == '#')
            walk_comment(&walk);
        else
            error = walk_bare(&walk);
        if (error < 0)
            return error;
    }
    return 0;
}
