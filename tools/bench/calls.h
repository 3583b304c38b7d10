/*
 * calls: one short use of each symbol of shim/base/symbols.def, for bench-calls. A symbol that is listed there and has no
 * use here does not build; one that cannot be used says why.
 */
#ifndef NODEWISE_TOOLS_BENCH_CALLS_H
#define NODEWISE_TOOLS_BENCH_CALLS_H

#include <stdbool.h>
#include <stddef.h>

struct call {
    const char *name;
    void (*run)(void); /* NULL: there is none */
    const char *why;   /* there is none; else NULL */
};

extern const struct call call_list[];
extern const size_t call_count;

/* Finds the functions as the program's own calls would, and makes what the uses need. false: errno says why. */
bool calls_open(void);
/* Has no object the function? Then nothing can call it. */
bool call_is_missing(size_t number);

#endif
