/*
 * toml_guard: looks through a text before toml++ does, and refuses what toml++ 3.3 and 3.4 cannot take from a stranger.
 *
 * - Dotted keys ("a.b.c = 1", "[a.b.c]") make a table for each dot, and the parser does not bound them.
 * - Where the parser looks for white space, a character beyond ASCII is undefined behaviour for it
 *   (is_non_ascii_horizontal_whitespace() holds it for unreachable). It looks outside strings and comments, and in a
 *   multi-line basic string behind a backslash and behind the line break that a backslash took away. TOML 1.0 has
 *   characters beyond ASCII at the last of these places alone, where \u and four digits say the same.
 *
 * A string without its end is told here, too, because the place that it began at is the one to look at.
 *
 * Threads: no state.
 */
#ifndef NODEWISE_CONFIG_TOML_GUARD_H
#define NODEWISE_CONFIG_TOML_GUARD_H

#include "config/toml.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns 0 when the text may go to the parser, or -EINVAL with *ret_error. */
int toml_guard(const char *source, const char *text, size_t size, struct toml_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
