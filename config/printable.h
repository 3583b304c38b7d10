/*
 * printable: texts of any origin for a person's eyes. Programs name threads, users name files and rules, and a terminal
 * obeys some of what they may hold: control characters (also those of C1), characters that turn the direction of writing,
 * separators of lines, and bytes that are not UTF-8. All of the command's output decides here what is one of those, and
 * shows it as \xHH (an ASCII character or a byte) or \uHHHH.
 *
 * No state but printable()'s; one thread at a time for that one.
 */
#ifndef NODEWISE_CONFIG_PRINTABLE_H
#define NODEWISE_CONFIG_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PRINTABLE_FORM 8u /* bytes of one character as it is shown, with its NUL */

/*
 * The character at `text`, of which `length` bytes are left (at least 1), as it is shown. Returns its bytes in the text.
 * *ret_as_is: it is shown as itself.
 */
size_t printable_next(const char *text, size_t length, char ret_form[PRINTABLE_FORM], bool *ret_as_is);
/* The bytes of the first character, and how many columns of a screen its form has: wide letters have two. */
size_t printable_columns(const char *text, size_t length, unsigned *ret_columns);
/* Of a text of so many bytes, those of as many whole characters as fill at most that many columns, and how many these fill. */
size_t printable_fit(const char *text, size_t length, size_t most, size_t *ret_columns);
/* How many columns the whole text takes. */
size_t printable_width(const char *text);
/* The code point and bytes of a character of UTF-8; 0: there is none. Also for those that are not printable. */
size_t utf8_character(const char *text, size_t length, unsigned *ret_point);

void printable_write(FILE *to, const char *text, size_t length);
/* malloc'd; NULL without memory. */
char *printable_copy(const char *text);
/* For an argument of printf: the text itself, or a copy that stays until the next PRINTABLE_KEPT calls. */
const char *printable(const char *text);
#define PRINTABLE_KEPT 8u

#endif
