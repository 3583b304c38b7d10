/*
 * runner: a command is run once, and timed. What it prints is kept, not shown; its input is empty. With a load, the command
 * is a server: it is started, the load runs against it and is what is timed and read, and the server is asked to end.
 *
 * SIGINT, SIGTERM and SIGHUP end the run and are told. One call at a time; runner_begin() once before.
 */
#ifndef NODEWISE_TOOLS_TUNE_RUNNER_H
#define NODEWISE_TOOLS_TUNE_RUNNER_H

#include <stdbool.h>
#include <stddef.h>

struct run_spec {
    char *const *command;
    const char *load, *ready;    /* for sh -c; or NULL. The server is ready when `ready` ends with 0, or it listens */
    double limit;                /* seconds; a run that takes more fails */
    void (*look)(void *context); /* every so often while it runs; or NULL */
    void *context;
};

struct run {
    double seconds; /* of the command, or of the load */
    char *output;   /* stdout and stderr of that; malloc'd, ends with NUL */
    char why[400];  /* it failed, and did so */
};

/* 0 or negative errno. */
int runner_begin(void);
/* 0; -EIO: it failed, see ret_run->why; -EINTR: a signal asked to stop. free() the output in any case. */
int runner_run(struct run *ret_run, const struct run_spec *spec);
double runner_clock(void);

#endif
