#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void folder_make(struct folder *ret_folder)
{
    snprintf(ret_folder->path, sizeof(ret_folder->path), "/tmp/nodewise-config-XXXXXX");
    assert_non_null(mkdtemp(ret_folder->path));
}

void folder_remove(const struct folder *folder)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder->path);
    assert_int_equal(system(command), 0);
}

const char *folder_write(const struct folder *folder, const char *name, const char *text)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder->path, name);
    for (char *slash = path + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0644), 0); /* whatever the umask */
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

int load_text(struct config *ret_config, const char *text)
{
    struct folder folder;
    folder_make(&folder);
    int result = load_layers(ret_config, folder_write(&folder, "policy.toml", text), NULL, NULL);
    folder_remove(&folder);
    return result;
}

int load_layers(struct config *ret_config, const char *file, const char *const *variables, const char *const *settings)
{
    struct config_request request = {
        .file = file, .sets = settings, .environment = (char *const *)variables, .no_search = true};
    while (settings && settings[request.set_count])
        request.set_count++;
    return config_load(ret_config, &request);
}

const struct diag *find_finding(const struct config *config, const char *code)
{
    for (size_t i = 0; i < config->diags.count; i++)
        if (strcmp(diag_code_name(config->diags.items[i].code), code) == 0)
            return &config->diags.items[i];
    return NULL;
}

const struct rule *find_rule(const struct config *config, const char *name)
{
    for (size_t i = 0; config->policy && i < config->policy->rule_count; i++)
        if (strcmp(config->policy->rules[i].name, name) == 0)
            return &config->policy->rules[i];
    return NULL;
}
