/*
 * diag: what a person must read about a policy, a set or a plan: a list of findings, each with a stable code
 * and the place in the text that it is about. policy/ and config/ add to the list; only config/diag_print.c
 * turns it into text, so nothing here prints.
 *
 * Codes: policy/codes.def. The letter is the severity: E error, W warning, N note. `nodewise explain CODE`
 * prints the long text of the same table.
 *
 * Ownership: the list owns its texts, the names of sources too: what a finding is about may be freed before it is
 * printed. Errors: without memory a finding is dropped but counted, so a list never looks
 * cleaner than it is.
 */
#ifndef NODEWISE_POLICY_DIAG_H
#define NODEWISE_POLICY_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a text that the user wrote. line and column count from 1; line 0: the source as a whole. */
struct span {
    const char *source; /* file name as the user gave it, a variable's name, "--set", "built-in"; NULL: nowhere */
    uint32_t line;
    uint32_t column; /* in characters (UTF-8 code points), as editors count */
    uint32_t length; /* in characters, at least 1 */
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

enum diag_code {
#define CODE(id, title, text) DIAG_##id,
#include "policy/codes.def"
#undef CODE
    DIAG_CODE_COUNT
};

struct diag {
    enum diag_code code;
    struct span span;
    char *message; /* one sentence without a full stop */
    char *under;   /* short text behind the caret ("did you mean `distribution`?"), or NULL */
    char *help;    /* a "= help:" line: the remedy, or NULL */
};

struct diag_list {
    struct diag *items;
    size_t count;
    size_t capacity;
    char **sources; /* the names that spans point to, each once */
    size_t source_count;
    size_t errors; /* counted also when memory was short and an item was dropped */
    size_t warnings;
};

/* Adds one finding. under and help may be NULL and are copied. */
__attribute__((format(printf, 6, 7))) void diag_add(struct diag_list *list, enum diag_code code, struct span span,
                                                    const char *under, const char *help, const char *format, ...);
/* Is that code already in the list for that very place: a set in [defaults] is resolved once for each rule. */
bool diag_said(const struct diag_list *list, enum diag_code code, struct span span);
void diag_list_free(struct diag_list *list);

const char *diag_code_name(enum diag_code code);  /* "E012" */
const char *diag_code_title(enum diag_code code); /* a few words */
const char *diag_code_text(enum diag_code code);  /* paragraphs for `explain` */
enum severity diag_code_severity(enum diag_code code);
/* The code with that name ("E012", any case), or -1. */
int diag_code_find(const char *name);

#endif
