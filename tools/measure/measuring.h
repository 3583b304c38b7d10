/* measuring: what `topo --measure` does, and what shows again what it measured. */
#ifndef NODEWISE_TOOLS_MEASURE_MEASURING_H
#define NODEWISE_TOOLS_MEASURE_MEASURING_H

#include <stdbool.h>

struct measuring {
    const char *format; /* "text", "json", "svg" */
    const char *output; /* a file; NULL: stdout */
    const char *file;   /* a document to show; NULL: measure */
    double budget;      /* seconds */
    bool all, save;
};

/* Does it, having checked that its fields go together. The exit code, after having said why it is not EXIT_OK. */
int measuring_run(const struct measuring *measuring);

#endif
