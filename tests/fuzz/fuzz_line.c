/* Bytes as a line of a list of hashes. What was read of it is read of the line that is written of that, too. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sha1sum/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

static void write_and_read(const char *name, const struct digest *digest, struct line_style style)
{
    enum line_form form = LINE_FORM_UNKNOWN;
    char *line = NULL, *again;
    struct digest read;
    size_t size = 0;
    FILE *to = open_memstream(&line, &size);
    if (!to)
        abort();
    line_print(to, name, digest, style);
    fclose(to);
    line[size - 1] = '\0'; /* the newline */
    if (!line_parse(line, &form, &again, &read) || memcmp(&read, digest, sizeof(read)) != 0 || strcmp(again, name) != 0)
        abort();
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest digest;
    char *name;
    for (unsigned known = LINE_FORM_UNKNOWN; known <= LINE_FORM_ONE; known++) {
        enum line_form form = known;
        char *text = copy_of(data, size);
        if (line_parse(text, &form, &name, &digest) && *name) {
            write_and_read(name, &digest, (struct line_style){.binary = size % 2});
            write_and_read(name, &digest, (struct line_style){.tag = true});
        }
        free(text);
    }
    return 0;
}
