/*
 * candidate: what a command may be run under. Each but `plain` is a policy of its own, as a text: what is measured is what
 * `tune -o` writes. The makers add those that make sense on this machine, and say of the others why they are left out.
 */
#ifndef NODEWISE_TOOLS_TUNE_CANDIDATE_H
#define NODEWISE_TOOLS_TUNE_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/topology.h"
#include "tools/tune/seen.h"

#define CANDIDATES_MOST 128u

enum candidate_state {
    CANDIDATE_READY,
    CANDIDATE_LEFT_OUT, /* not run: it is another one here, or has nothing to govern */
    CANDIDATE_FAILED,   /* it ran, and did not end well */
};

struct candidate {
    char *name;        /* "one-cpu" */
    const char *group; /* what --candidates calls it, with others */
    char *text;        /* the policy; NULL: of plain, and of `learned` until it is learned */
    char *options;     /* of `nodewise run`, which say the same; or NULL */
    enum candidate_state state;
    char why[400];       /* of LEFT_OUT and FAILED */
    const char *granted; /* what the kernel gave: "as_asked", "partly", "not", "nothing_asked"; "" not known */
    size_t contender;    /* of the race; SIZE_MAX: it does not run in it */
};

struct candidates {
    struct candidate items[CANDIDATES_MOST]; /* the first is plain */
    size_t count;
};

/* Takes the texts over. NULL: one of them is NULL, or there is no room; they are freed. */
struct candidate *candidate_add(struct candidates *candidates, const char *group, char *name, char *text);
__attribute__((format(printf, 3, 4))) void candidate_end(struct candidate *candidate, enum candidate_state state,
                                                         const char *format, ...);
void candidates_free(struct candidates *candidates);
/* A quoted string of TOML; malloc'd, or NULL. */
char *candidate_quote(const char *text);

/* What --candidates can name: a group or a candidate of this machine or another. NULL-terminated. */
extern const char *const candidate_words[];
/* Is that word a policy's name: of a file, or "preset:NAME". */
bool candidate_is_policy(const char *word);
/* Is it named by one of the words; all are where there is none. */
bool candidate_is_wanted(const struct candidate *candidate, char *const *words, size_t count);

/* Makers. The first is plain. */
void candidates_begin(struct candidates *candidates);
/* The library alone, the places, numactl's idioms and the spreads of this machine. */
void candidates_add_places(struct candidates *candidates, const struct topology *topology);
/* The presets that govern a program that was seen. */
void candidates_add_presets(struct candidates *candidates, const struct topology *topology, const struct seen *seen);
/* A policy by its file or "preset:NAME". EXIT_OK, or an exit code after having said why. */
int candidates_add_policy(struct candidates *candidates, const char *file);
/* Variations of its rules, one key at a time. */
void candidates_add_variations(struct candidates *candidates, const struct topology *topology, const char *file);

#endif
