/* progress: what `tune` is doing, on stderr: a line that is overwritten on a terminal, and lines that stay. */
#ifndef NODEWISE_TOOLS_TUNE_PROGRESS_H
#define NODEWISE_TOOLS_TUNE_PROGRESS_H

/* On a terminal alone. */
__attribute__((format(printf, 1, 2))) void progress_now(const char *format, ...);
/* Stays, wherever stderr goes. */
__attribute__((format(printf, 1, 2))) void progress_note(const char *format, ...);

#endif
