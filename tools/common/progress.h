/*
 * progress: what a verb that takes long is doing, on stderr: a line that is overwritten on a terminal, and lines that
 * stay.
 */
#ifndef NODEWISE_TOOLS_COMMON_PROGRESS_H
#define NODEWISE_TOOLS_COMMON_PROGRESS_H

/* On a terminal alone. */
__attribute__((format(printf, 1, 2))) void progress_now(const char *format, ...);
/* Takes that line away. */
void progress_end(void);
/* Stays, wherever stderr goes, behind the verb's name. */
__attribute__((format(printf, 2, 3))) void progress_note(const char *verb, const char *format, ...);

#endif
