#include "tools/sha1sum/line.h"

#include <ctype.h>
#include <string.h>

#define HEX (2 * DIGEST_SIZE)

/* --- writing --- */

bool line_needs_escape(const char *name)
{
    return strpbrk(name, "\\\n") != NULL;
}

void line_print_name(FILE *to, const char *name)
{
    if (!line_needs_escape(name)) {
        fputs(name, to);
        return;
    }
    for (; *name; name++) {
        if (*name == '\\' || *name == '\n')
            fputs(*name == '\n' ? "\\n" : "\\\\", to);
        else
            fputc(*name, to);
    }
}

static void print_digest(FILE *to, const struct digest *digest)
{
    for (unsigned i = 0; i < DIGEST_SIZE; i++)
        fprintf(to, "%02x", digest->bytes[i]);
}

void line_print(FILE *to, const char *name, const struct digest *digest, struct line_style style)
{
    if (!style.zero && line_needs_escape(name))
        fputc('\\', to);
    if (!style.tag) {
        print_digest(to, digest);
        fputs(style.binary ? " *" : "  ", to);
    } else {
        fputs("SHA1 (", to);
    }
    if (style.zero)
        fputs(name, to);
    else
        line_print_name(to, name);
    if (style.tag) {
        fputs(") = ", to);
        print_digest(to, digest);
    }
    fputc(style.zero ? '\0' : '\n', to);
}

/* --- reading --- */

static int value_of(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : isxdigit((unsigned char)digit) ? tolower(digit) - 'a' + 10 : -1;
}

/* Exactly so many digits as a digest has. */
static bool parse_digest(const char *text, struct digest *ret)
{
    for (unsigned i = 0; i < HEX; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return false;
        ret->bytes[i / 2] = (unsigned char)(i % 2 ? ret->bytes[i / 2] << 4 | value : value);
    }
    return !isxdigit((unsigned char)text[HEX]);
}

static bool unescape(char *name)
{
    char *to = name;
    for (; *name; name++) {
        if (*name != '\\') {
            *to++ = *name;
            continue;
        }
        name++;
        if (*name != '\\' && *name != 'n' && *name != 'r')
            return false;
        *to++ = (char)(*name == 'n' ? '\n' : *name == 'r' ? '\r' : '\\');
    }
    *to = '\0';
    return true;
}

static char *skip_blanks(char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* Behind "SHA1": also as openssl(1) writes it, without blanks. The last ')' ends the name. */
static bool parse_tagged(char *at, char **ret_name, struct digest *ret_digest)
{
    at = skip_blanks(at);
    char *end = *at == '(' ? strrchr(at, ')') : NULL;
    if (!end)
        return false;
    *end = '\0';
    *ret_name = at + 1;
    at = skip_blanks(end + 1);
    if (*at != '=')
        return false;
    at = skip_blanks(at + 1);
    return parse_digest(at, ret_digest) && !at[HEX];
}

/* Behind the digest. */
static bool parse_untagged(char *at, enum line_form *form, char **ret_name)
{
    if ((*at != ' ' && *at != '\t') || !at[1])
        return false;
    at++;
    bool has_two = (*at == ' ' || *at == '*') && at[1];
    if (!has_two && *form == LINE_FORM_TWO)
        return false;
    if (*form == LINE_FORM_UNKNOWN)
        *form = has_two ? LINE_FORM_TWO : LINE_FORM_ONE;
    *ret_name = at + (*form == LINE_FORM_TWO);
    return true;
}

bool line_parse(char *text, enum line_form *form, char **ret_name, struct digest *ret_digest)
{
    char *at = skip_blanks(text);
    bool escaped = *at == '\\', found;
    if (escaped)
        at++;
    if (strncmp(at, "SHA1", 4) == 0)
        found = parse_tagged(at + 4, ret_name, ret_digest);
    else
        found = parse_digest(at, ret_digest) && parse_untagged(at + HEX, form, ret_name);
    return found && (!escaped || unescape(*ret_name));
}
