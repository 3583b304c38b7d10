/*
 * palette: the colours of pictures and pages, each for light and for dark paper. Pictures give the light one as an
 * attribute, which every viewer understands, and the dark one by a class; pages use the variables.
 */
#ifndef NODEWISE_TOOLS_PICTURE_PALETTE_H
#define NODEWISE_TOOLS_PICTURE_PALETTE_H

#include <stddef.h>
#include <stdio.h>

enum tone {
    TONE_RULE,      /* the first of PALETTE_RULES */
    TONE_PAPER = 8, /* also of cells without a rule */
    TONE_CARD,      /* boxes on paper */
    TONE_INK,
    TONE_CELL, /* letters on a rule's colour */
    TONE_QUIET,
    TONE_LINE,
    TONE_BAD,
    TONE_GOOD,
    TONE_COUNT,
};
#define PALETTE_RULES 8u /* colours of rules, in turn; SIZE_MAX, no rule, is TONE_PAPER */

enum tone palette_of(size_t rule);
/* "#49c9fe", for light paper. */
const char *palette_light(enum tone tone);
/* Its class and its variable's name: "r0", "paper". */
const char *palette_name(enum tone tone);

/* Lines for <style>: of a picture, which follow a dark system, as fills (and strokes, for TONE_LINE). */
void palette_svg_style(FILE *to);
/* --r0 … --good in both. */
void palette_html_style(FILE *to);

#endif
