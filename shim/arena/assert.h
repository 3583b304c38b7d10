/*
 * assert: invariants that debug builds check (meson -Dassertions=true); in other builds the macro is no code.
 *
 * A failed assertion writes one line to stderr and traps, without stdio, memory or abort(3): it may fail inside malloc,
 * in a signal handler and in a forked child. Any thread; errno is kept.
 */
#ifndef NODEWISE_SHIM_ARENA_ASSERT_H
#define NODEWISE_SHIM_ARENA_ASSERT_H

#ifdef NODEWISE_ASSERTIONS

#include <stdbool.h>
#include <stddef.h>

_Noreturn void assert_failed(const char *line, size_t length);

/*
 * May the calling thread be inside a signal handler? It may when it has blocked a signal, as the kernel does during a
 * handler. Asked only when something is found that is wrong elsewhere, and fine in what a handler interrupted.
 */
bool assert_may_be_handler(void);

#define ASSERT_TEXT_OF(line)    #line
#define ASSERT_TEXT(line)       ASSERT_TEXT_OF(line)
#define ASSERT_LINE(expression) __FILE__ ":" ASSERT_TEXT(__LINE__) ": assertion failed: " expression " (nodewise)\n"
#define ASSERT(expression)                                                                                             \
    ((expression) ? (void)0 : assert_failed(ASSERT_LINE(#expression), sizeof(ASSERT_LINE(#expression)) - 1))

#else

#define ASSERT(expression) ((void)sizeof((expression) ? 1 : 0)) /* compiled, never evaluated */

#endif

#endif
