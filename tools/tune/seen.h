/*
 * seen: which programs a command turned out to be made of, and which libraries they use: what presets are chosen by.
 */
#ifndef NODEWISE_TOOLS_TUNE_SEEN_H
#define NODEWISE_TOOLS_TUNE_SEEN_H

#include <stddef.h>

#include "policy/match.h"

#define SEEN_PROGRAMS  64u
#define SEEN_LIBRARIES 512u

struct seen_program {
    char exe[512], comm[64], argv[1024];
    unsigned uid;
};

struct seen {
    struct seen_program programs[SEEN_PROGRAMS];
    size_t program_count;
    char *libraries[SEEN_LIBRARIES]; /* paths */
    size_t library_count;
    unsigned looks;
};

/* Looks at this process's children. seen: a struct seen; its type is that of a runner's hook. */
void seen_look(void *seen);
void seen_free(struct seen *seen);
/* As [target] looks at it. */
struct process_facts seen_facts(const struct seen_program *program);

#endif
