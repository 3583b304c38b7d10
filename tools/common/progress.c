#include "tools/common/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/common/cli.h"

static bool has_line; /* that is overwritten */

static void clear_line(void)
{
    if (has_line)
        fputs("\r\033[K", stderr);
    has_line = false;
}

void progress_now(const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (!isatty(STDERR_FILENO))
        return;
    clear_line();
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%.*s", (int)width_of(stderr) - 1, text);
    fflush(stderr);
    has_line = true;
}

void progress_end(void)
{
    clear_line();
    fflush(stderr);
}

void progress_note(const char *verb, const char *format, ...)
{
    va_list arguments;
    clear_line();
    fprintf(stderr, "%s: ", verb);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
