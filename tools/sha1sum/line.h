/*
 * line: a digest with the name of its file, as a line of the two forms that the tools of coreutils write and read:
 * "HASH  NAME", with '*' in place of the second blank for binary mode, and "SHA1 (NAME) = HASH". A name with a
 * backslash or the end of a line in it is written with "\\", "\n" and "\r", and a backslash stands in front of the line.
 */
#ifndef NODEWISE_TOOLS_SHA1SUM_LINE_H
#define NODEWISE_TOOLS_SHA1SUM_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/sha1sum/digest.h"

struct line_style {
    bool binary, tag, zero; /* zero: lines end with a NUL, and names are written as they are */
};

void line_print(FILE *to, const char *name, const struct digest *digest, struct line_style style);

/* Does a name need the escapes? */
bool line_needs_escape(const char *name);
/* The name with them, without what stands around it. */
void line_print_name(FILE *to, const char *name);

/*
 * What stands between digest and name: two characters, or one as the BSDs' tools write it. The first line says which, and
 * the others are read alike: else a name that begins with a blank could pass for another one.
 */
enum line_form { LINE_FORM_UNKNOWN, LINE_FORM_TWO, LINE_FORM_ONE };

/* Takes the text apart, in its place; it ends without a newline. false: it is no such line. */
bool line_parse(char *text, enum line_form *form, char **ret_name, struct digest *ret_digest);

#endif
