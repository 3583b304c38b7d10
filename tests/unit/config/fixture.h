/* fixture: a private folder with policy files, and loading them as the command would. */
#ifndef NODEWISE_TESTS_CONFIG_FIXTURE_H
#define NODEWISE_TESTS_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "config/config.h"

struct folder {
    char path[64];
};

void folder_make(struct folder *ret_folder);
void folder_remove(const struct folder *folder);
/* Writes a file in the folder and returns its path; the text lasts until the next call but three. */
const char *folder_write(const struct folder *folder, const char *name, const char *text);

/* Loads text as a policy file alone. The caller frees with config_free(). */
int load_text(struct config *ret_config, const char *text);
/* Loads from variables ("NAME=VALUE", NULL-terminated; may be NULL) and settings (likewise) over a file or NULL. */
int load_layers(struct config *ret_config, const char *file, const char *const *variables, const char *const *settings);

/* The finding with that code ("E012"), or NULL. */
const struct diag *find_finding(const struct config *config, const char *code);
const struct rule *find_rule(const struct config *config, const char *name);

#endif
