/*
 * layers: everything that says something about the policy, in order, merged into one tree. Each layer is
 * checked where it was written, so a finding names the file and line, the variable or the option.
 */
#ifndef NODEWISE_CONFIG_LAYERS_H
#define NODEWISE_CONFIG_LAYERS_H

#include "config/config.h"
#include "config/sources.h"

struct layers {
    struct sources *sources;
    struct diag_list *diags;
    struct value *tree; /* merged so far; NULL: no layer yet */
};

/* Checks the tree as one layer and puts it over what there is. 0 or -ENOMEM. */
int layers_add(struct layers *layers, const struct value *root);

/* A policy file with what it extends and its drop-ins. name: a path or "preset:NAME". Findings in diags; the
 * result is 0 after findings too, or -ENOMEM. layers_files.c */
int layers_add_file(struct layers *layers, const char *name);
/* The same of what stdin holds; what it extends is relative to the working folder. */
int layers_add_stdin(struct layers *layers);

/* NODEWISE_… variables as one layer; --set PATH=VALUE as one layer. 0 or -ENOMEM. layers_settings.c */
int layers_add_environment(struct layers *layers, char *const *environment);
int layers_add_setting(struct layers *layers, const char *setting);

#endif
