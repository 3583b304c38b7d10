#include "tools/picture/markup.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

/* After Okabe and Ito: told apart with the common kinds of colour blindness. Letters say the same again. */
const char palette_css[] =
    ":root{--paper:#ffffff;--ink:#1b1f24;--quiet:#57606a;--line:#d0d7de;--card:#f6f8fa;--bad:#b42318;--good:#116329;"
    "--r0:#9fd3f5;--r1:#f8d48a;--r2:#8fd9c0;--r3:#f2e97e;--r4:#a9c4ee;--r5:#f0b48c;--r6:#e3b7d3;--r7:#c8cdd2;--r8:#"
    "ffffff}"
    "@media "
    "(prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--quiet:#9aa4af;--line:#30363d;--card:#161b22;"
    "--bad:#ff9b8f;--good:#7ee2a0;"
    "--r0:#0b5a86;--r1:#8a5a00;--r2:#00664b;--r3:#6b6400;--r4:#27448f;--r5:#8a3c00;--r6:#7a3560;--r7:#4a5058;"
    "--r8:#0d1117}}";

unsigned palette_of(size_t rule)
{
    return rule == SIZE_MAX ? PALETTE_SIZE : (unsigned)(rule % PALETTE_SIZE);
}

void markup_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", to);
        else if (c == '<')
            fputs("&lt;", to);
        else if (c == '>')
            fputs("&gt;", to);
        else if (c == '"')
            fputs("&quot;", to);
        else if (c == '\'')
            fputs("&#39;", to);
        else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            fputs("\xef\xbf\xbd", to);
        else
            fputc(c, to);
    }
}

void markup_print(FILE *to, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    markup_text(to, text ? text : "?");
    free(text);
}
