/*
 * units: small texts with a form: durations, sizes, ranges, names. Pure; nothing is allocated.
 *
 * All return 0 or -EINVAL (not of that form) or -ERANGE (of that form, but too large).
 */
#ifndef NODEWISE_CONFIG_UNITS_H
#define NODEWISE_CONFIG_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

int parse_duration(const char *text, uint64_t *ret_us); /* "50ms" */
int parse_size(const char *text, uint64_t *ret_bytes);  /* "64MiB" */

/*
 * The next range of "0-3,8-". *text moves behind it and its comma; at the end of the text it points to the NUL.
 * *ret_range.last is UINT32_MAX for an open range.
 */
int parse_range(const char **text, struct index_range *ret_range);

/* Letters and digits with single '-' or '_' between them, at most RULE_NAME_MAX. */
enum { RULE_NAME_MAX = 31 };
bool is_rule_name(const char *text);
/* A letter or '_', then also digits. */
bool is_variable_name(const char *text);
/* Without regard to case, '-' equal to '_'. */
bool same_name(const char *a, const char *b);

/* The first {word} of text that is not in `words` (NULL-terminated), as offset and length; false: all are. */
bool find_unknown_brace(const char *text, const char *const *words, size_t *ret_offset, size_t *ret_length);

/* The number of characters (UTF-8 code points) in a text. */
uint32_t text_width(const char *text);

#endif
