/*
 * toml: TOML 1.0 text to a value tree. The only door to toml++ (and to C++).
 *
 * Hostile text is safe: nesting is bounded before and during parsing, strings with a NUL inside are refused.
 * Threads: no state.
 */
#ifndef NODEWISE_CONFIG_TOML_H
#define NODEWISE_CONFIG_TOML_H

#include "config/value.h"

#ifdef __cplusplus
extern "C" {
#endif

struct toml_error {
    struct span span;
    char message[256]; /* one sentence, no full stop */
    bool too_deep;     /* refused for its nesting, not for its syntax */
};

/*
 * The tree is built in `pool`; every span names `source`. Returns 0 with the root table, -EINVAL with
 * *ret_error (the parser stops at the first one), or -ENOMEM.
 */
int toml_parse(struct value **ret_root, struct pool *pool, const char *source, const char *text, size_t size,
               struct toml_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
