/* Files: the main one, what it extends (below it, recursively), its drop-ins (above it). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/layers.h"
#include "config/read.h"
#include "config/toml.h"

enum { MAX_EXTENDS = 16 };

/* a file whose `extends` are being read, with those above it */
struct reading {
    const char *real_path;
    const struct reading *above;
    unsigned depth;
};

/* name: "preset:NAME" or a path, as the file `from` names it. */
static int add_named(struct layers *layers, const char *name, const char *from, struct span at,
                     const struct reading *above);

static void no_preset(struct layers *layers, const char *name, struct span at)
{
    char help[128] = "`nodewise init` lists them";
    char *near = config_preset_near(name);
    if (near)
        snprintf(help, sizeof(help), "did you mean `preset:%s`? `nodewise init` lists them", near);
    diag_add(layers->diags, DIAG_E006, at, NULL, help, "no preset is named `%s`", name);
    free(near);
}

/* "preset:NAME" or a path, relative to the file that names it. malloc'd, or NULL with a finding or no memory. */
static char *locate(struct layers *layers, const char *name, const char *from, struct span at)
{
    char *path = NULL;
    if (strncmp(name, "preset:", 7) == 0) {
        int error = config_preset_path(&path, name + 7);
        if (error == -ENOENT)
            no_preset(layers, name + 7, at);
        return error < 0 ? NULL : path;
    }
    const char *slash = from ? strrchr(from, '/') : NULL;
    if (name[0] == '/' || !slash)
        return strdup(name);
    if (asprintf(&path, "%.*s/%s", (int)(slash - from), from, name) < 0)
        return NULL;
    return path;
}

static bool is_being_read(const struct reading *reading, const char *real_path)
{
    for (; reading; reading = reading->above)
        if (strcmp(reading->real_path, real_path) == 0)
            return true;
    return false;
}

static int add_extended(struct layers *layers, const struct value *root, const char *path,
                        const struct reading *reading)
{
    const struct entry *entry = table_find(root, "extends");
    if (!entry)
        return 0;
    const struct value *value = entry->value;
    size_t count = value->kind == VALUE_ARRAY ? value->array.count : 1;
    for (size_t i = 0; i < count; i++) {
        const struct value *item = value->kind == VALUE_ARRAY ? value->array.items[i] : value;
        if (item->kind != VALUE_STRING || !item->string[0])
            continue; /* reported by the check of this layer */
        int error = add_named(layers, item->string, path, item->span, reading);
        if (error < 0)
            return error;
    }
    return 0;
}

/* schema comes first: what another version means by the other keys is unknown. */
static bool check_version(struct layers *layers, const struct value *root, const char *source)
{
    const struct entry *schema = table_find(root, "schema");
    if (!schema) {
        diag_add(layers->diags, DIAG_E010, (struct span){source, 1, 1, 1}, NULL, "begin the file with: schema = 1",
                 "`schema` is missing");
        return true;
    }
    if (schema->value->kind != VALUE_INTEGER || schema->value->integer == 1)
        return true;
    diag_add(layers->diags, DIAG_E011, schema->value->span, NULL, "this nodewise reads schema = 1",
             "the file is written in version %lld of the policy language", (long long)schema->value->integer);
    return false;
}

static int add_text(struct layers *layers, const char *path, const char *text, size_t size,
                    const struct reading *reading)
{
    const char *source = sources_add(layers->sources, SOURCE_FILE, path, text, size);
    if (!source)
        return -ENOMEM;
    struct value *root;
    struct toml_error mistake;
    int error = toml_parse(&root, &layers->sources->pool, source, text, size, &mistake);
    if (error == -EINVAL) {
        diag_add(layers->diags, mistake.too_deep ? DIAG_E004 : DIAG_E003, mistake.span, NULL, NULL, "%s",
                 mistake.message);
        return 0;
    }
    if (error < 0 || !check_version(layers, root, source))
        return error;
    error = add_extended(layers, root, path, reading);
    return error < 0 ? error : layers_add(layers, root);
}

static int add_file(struct layers *layers, const char *path, struct span at, const struct reading *above)
{
    struct file_text file;
    int error = file_read(&file, path, at, layers->diags);
    if (error < 0)
        return error == -ENOMEM ? error : 0;
    struct reading reading = {file.real_path, above, above ? above->depth + 1 : 0};
    if (is_being_read(above, file.real_path))
        diag_add(layers->diags, DIAG_E005, at, NULL, NULL, "`%s` extends itself", path);
    else if (reading.depth > MAX_EXTENDS)
        diag_add(layers->diags, DIAG_E005, at, NULL, NULL, "`extends` goes down more than %d files", MAX_EXTENDS);
    else
        error = add_text(layers, path, file.text, file.size, &reading);
    file_text_free(&file);
    return error;
}

static int add_auto(struct layers *layers)
{
    return add_text(layers, CONFIG_AUTO, config_auto_text, strlen(config_auto_text), NULL);
}

static int add_named(struct layers *layers, const char *name, const char *from, struct span at,
                     const struct reading *above)
{
    if (config_is_auto(name))
        return add_auto(layers);
    char *path = locate(layers, name, from, at);
    if (!path)
        return 0;
    int error = add_file(layers, path, at, above);
    free(path);
    return error;
}

static int add_drop_ins(struct layers *layers, const char *path)
{
    char directory[PATH_MAX];
    if (snprintf(directory, sizeof(directory), "%s.d", path) >= (int)sizeof(directory))
        return 0; /* no such directory can exist */
    char **names;
    size_t count;
    int error = directory_list(&names, &count, directory, (struct span){0}, layers->diags);
    if (error < 0)
        return error == -ENOMEM ? error : 0;
    for (size_t i = 0; i < count; i++) {
        char *drop_in = NULL;
        if (error == 0)
            error = asprintf(&drop_in, "%s/%s", directory, names[i]) < 0
                        ? -ENOMEM
                        : add_file(layers, drop_in, (struct span){0}, NULL);
        free(drop_in);
        free(names[i]);
    }
    free(names);
    return error;
}

int layers_add_stdin(struct layers *layers)
{
    struct file_text file;
    int error = file_read_stdin(&file, layers->diags);
    if (error < 0)
        return error == -ENOMEM ? error : 0;
    struct reading reading = {file.real_path, NULL, 0};
    error = add_text(layers, file.real_path, file.text, file.size, &reading);
    file_text_free(&file);
    return error;
}

int layers_add_file(struct layers *layers, const char *name)
{
    if (config_is_auto(name))
        return add_auto(layers);
    char *path = locate(layers, name, NULL, (struct span){0});
    if (!path)
        return layers->diags->errors ? 0 : -ENOMEM;
    int error = add_file(layers, path, (struct span){0}, NULL);
    if (error == 0)
        error = add_drop_ins(layers, path);
    free(path);
    return error;
}
