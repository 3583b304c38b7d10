/*
 * answer: what `nodewise complete` tells a shell: a first line with what the shell completes itself, then candidates, a
 * line each, with what they mean behind a tab. The shells choose those that fit what was typed.
 */
#ifndef NODEWISE_TOOLS_COMPLETE_ANSWER_H
#define NODEWISE_TOOLS_COMPLETE_ANSWER_H

#include <stddef.h>

/* What else may stand there, besides the candidates. */
enum answer_more {
    ANSWER_WORDS,   /* "words": nothing */
    ANSWER_FILES,   /* "files ENDING": a path; ending "toml", or "*" */
    ANSWER_COMMAND, /* "command N": another command line, which begins with the N-th word behind "nodewise", from 0 */
    ANSWER_UNKNOWN, /* "unknown": no kind of value has this name; a mistake in a verb's help */
};

struct answer {
    enum answer_more more;
    const char *ending;
    size_t first;
    char *candidates; /* lines, malloc'd; NULL: none */
    size_t size;
};

/* `text`: what it means, or NULL. Without memory it is left out. */
void answer_add(struct answer *answer, const char *word, const char *text);
void answer_files(struct answer *answer, const char *ending);
/* Prints all to stdout, and frees. */
void answer_print(struct answer *answer);

#endif
