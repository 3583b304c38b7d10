#include <stdio.h>
#include <stdlib.h>

#define PUBLIC __attribute__((visibility("default")))

PUBLIC char *make_text(int number);
PUBLIC void drop(void *block);

/* asprintf allocates inside libc; with RTLD_DEEPBIND, this library's own free is libc's. */
char *make_text(int number)
{
    char *text = NULL, *other = NULL;
    if (asprintf(&text, "%d", number) < 0 || asprintf(&other, "%d", number) < 0)
        return NULL;
    free(other);
    return text;
}

void drop(void *block)
{
    free(block);
}
