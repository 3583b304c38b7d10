#include "tools/picture/palette.h"

#include <stdint.h>

/*
 * The hues of Okabe and Ito, with lightness and strength so that any two, and the paper, stay apart with each kind of
 * colour blindness, and letters on them readable (tests/golden/test_pictures.py computes both).
 */
static const struct {
    const char *name, *light, *dark;
} tones[TONE_COUNT] = {
    {"r0", "#49c9fe", "#1478bf"},
    {"r1", "#eead6a", "#8f6734"},
    {"r2", "#b4dec5", "#12493b"},
    {"r3", "#fee072", "#545505"},
    {"r4", "#798ff7", "#37569b"},
    {"r5", "#cf794b", "#481706"},
    {"r6", "#a985a0", "#7d316c"},
    {"r7", "#adb2b6", "#6f7176"},
    [TONE_PAPER] = {"paper", "#ffffff", "#0d1117"},
    [TONE_CARD] = {"card", "#f3f5f8", "#161b22"},
    [TONE_INK] = {"ink", "#1b1f24", "#e6edf3"},
    [TONE_CELL] = {"cell", "#1b1f24", "#ffffff"},
    [TONE_QUIET] = {"quiet", "#57606a", "#9aa4af"},
    [TONE_LINE] = {"line", "#b6bec8", "#3d444d"},
    [TONE_BAD] = {"bad", "#b42318", "#ff9b8f"},
    [TONE_GOOD] = {"good", "#116329", "#7ee2a0"},
};

enum tone palette_of(size_t rule)
{
    return rule == SIZE_MAX ? TONE_PAPER : TONE_RULE + (unsigned)(rule % PALETTE_RULES);
}

const char *palette_light(enum tone tone)
{
    return tones[tone].light;
}

const char *palette_name(enum tone tone)
{
    return tones[tone].name;
}

void palette_svg_style(FILE *to)
{
    fputs("@media (prefers-color-scheme:dark){", to);
    for (unsigned i = 0; i < TONE_COUNT; i++)
        fprintf(to, ".%s{%s:%s}", tones[i].name, i == TONE_LINE ? "stroke" : "fill", tones[i].dark);
    fputc('}', to);
}

void palette_html_style(FILE *to)
{
    fputs(":root{color-scheme:light dark", to);
    for (unsigned i = 0; i < TONE_COUNT; i++)
        fprintf(to, ";--%s:%s", tones[i].name, tones[i].light);
    fputs("}@media (prefers-color-scheme:dark){:root{", to);
    for (unsigned i = 0; i < TONE_COUNT; i++)
        fprintf(to, "%s--%s:%s", i ? ";" : "", tones[i].name, tones[i].dark);
    fputs("}}", to);
}
