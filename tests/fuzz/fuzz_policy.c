/*
 * Bytes as a policy file: text, tree, merge, reading, meaning, and everything that is printed about them.
 * The first byte chooses how: as a file alone, over a base, as the value of a variable, as a setting.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/layers.h"
#include "config/meaning.h"
#include "config/read.h"
#include "config/toml.h"

static const char base[] =
    "schema = 1\n[defaults]\nnear = \"all\"\n[[rules]]\nname = \"io\"\nmatch = { thread = \"x\" }\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_text(struct layers *layers, const char *name, const char *text, size_t size)
{
    const char *source = sources_add(layers->sources, SOURCE_FILE, name, text, size);
    struct value *root;
    struct toml_error error;
    if (!source)
        return;
    if (toml_parse(&root, &layers->sources->pool, source, text, size, &error) == 0)
        layers_add(layers, root);
    else
        diag_add(layers->diags, DIAG_E003, error.span, NULL, NULL, "%s", error.message);
}

static void add_variable(struct layers *layers, const char *text)
{
    char *variable;
    if (asprintf(&variable, "NODEWISE_%s", text) < 0)
        return;
    char *environment[] = {variable, NULL};
    layers_add_environment(layers, environment);
    free(variable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 65536)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1); /* up to a NUL: what a variable can hold */
    struct config config = {.sources = sources_new()};
    struct layers layers = {.sources = config.sources, .diags = &config.diags};
    FILE *nowhere = fopen("/dev/null", "w");
    if (!text || !config.sources || !nowhere)
        abort();

    if (data[0] % 4 != 0)
        add_text(&layers, "base.toml", base, strlen(base));
    if (data[0] % 4 < 2)
        add_text(&layers, "policy.toml", (const char *)data + 1, size - 1);
    else if (data[0] % 4 == 2)
        add_variable(&layers, text);
    else
        layers_add_setting(&layers, text);

    config.tree = layers.tree;
    config.policy = policy_new();
    if (config.tree && config.policy && policy_read(config.policy, config.tree, NULL) == 0)
        meaning_check(config.policy, &config.diags);
    diag_print(nowhere, &config.diags, config.sources, (struct print_style){.colour = true});
    diag_print(nowhere, &config.diags, config.sources, (struct print_style){.json = true});
    config_show(nowhere, &config, true, false);
    config_show(nowhere, &config, false, true);
    fclose(nowhere);
    config_free(&config);
    free(text);
    return 0;
}
