/*
 * reach: will the dynamic loader load the library into a program? Known from the first bytes of its file, so that each
 * start can afford to ask. `doctor` looks at all of the file and says more.
 */
#ifndef NODEWISE_TOOLS_PREPARE_REACH_H
#define NODEWISE_TOOLS_PREPARE_REACH_H

#include <limits.h>
#include <stddef.h>

enum reach {
    REACHED,
    REACH_STATIC,    /* no loader is involved */
    REACH_SECURE,    /* setuid, setgid, file capabilities: the loader drops preloads */
    REACH_32_BIT,    /* needs a library of its own */
    REACH_PROCESSOR, /* for another processor */
    REACH_LIBC,      /* a loader that is not glibc's or musl's */
};

struct reached {
    enum reach reach;
    char file[PATH_MAX];   /* the program; of a script, what runs it in the end; links are followed */
    char loader[PATH_MAX]; /* its dynamic loader; "" where it has none */
};

/*
 * path: as execvp(3) would take it; what is neither a program nor a script is run by sh. 0; -ELOOP: scripts that run
 * scripts; or another negative errno.
 */
int program_reach(struct reached *ret_reached, const char *path);
/* Why the library does not get into it, and the remedy; for all but REACHED. */
void reach_text(const struct reached *reached, char *ret_text, size_t size);

/* The interpreter and its argument of a script's first line, and "" where there is none. 0, or -ENOEXEC. */
int script_line(const char *path, char *ret_interpreter, char *ret_argument, size_t size);

#endif
