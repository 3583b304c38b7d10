#include "tools/complete/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/printable.h"

/* Names of threads and presets are of other hands: what is no text must not reach a shell's line. */
void answer_add(struct answer *answer, const char *word, const char *text)
{
    char *line = NULL, *longer;
    int length = text && *text ? asprintf(&line, "%s\t%s", word, printable(text)) : asprintf(&line, "%s", word);
    if (length < 0)
        return;
    longer = realloc(answer->candidates, answer->size + (size_t)length + 2);
    if (longer) {
        answer->candidates = longer;
        answer->size += (size_t)sprintf(longer + answer->size, "%s\n", line);
    }
    free(line);
}

void answer_files(struct answer *answer, const char *ending)
{
    answer->more = ANSWER_FILES;
    answer->ending = ending;
}

void answer_print(struct answer *answer)
{
    switch (answer->more) {
    case ANSWER_WORDS:
        puts("words");
        break;
    case ANSWER_FILES:
        printf("files %s\n", answer->ending);
        break;
    case ANSWER_COMMAND:
        printf("command %zu\n", answer->first);
        break;
    case ANSWER_UNKNOWN:
        puts("unknown");
        break;
    }
    fputs(answer->candidates ? answer->candidates : "", stdout);
    free(answer->candidates);
}
