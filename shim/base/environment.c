#include "shim/base/environment.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const char *value_if(const char *entry, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(entry, name, length) != 0 || entry[length] != '=' || !entry[length + 1])
        return NULL;
    return entry + length + 1;
}

/* The environment name of a policy key joins the key's levels by "__". Only the part before the '=' counts. */
static bool is_policy_key(const char *entry)
{
    const char *end = strchr(entry, '=');
    const char *join = strstr(entry, "__");
    return end && join && join < end;
}

void environment_read(struct environment *ret_environment)
{
    const struct {
        const char *name;
        const char **value;
    } fixed[] = {
        {"NODEWISE_PLAN", &ret_environment->plan},
        {"NODEWISE_POLICY", &ret_environment->policy},
        {"NODEWISE_DISABLE", &ret_environment->disable},
        {"NODEWISE_LOG", &ret_environment->log},
        {"NODEWISE_REPORT", &ret_environment->report},
        {"NODEWISE_ANCESTOR", &ret_environment->ancestor},
        {"NODEWISE_INDEX", &ret_environment->index},
        {"NODEWISE_COMPILED", &ret_environment->compiled},
        {"NODEWISE_OCCUPANCY", &ret_environment->occupancy},
        {"NODEWISE_BINDINGS", &ret_environment->bindings},
        {"HOME", &ret_environment->home},
        {"XDG_CONFIG_HOME", &ret_environment->xdg_config_home},
        {"XDG_RUNTIME_DIR", &ret_environment->xdg_runtime_dir},
    };

    *ret_environment = (struct environment){0};
    for (char **entry = environ; entry && *entry; entry++) {
        if (**entry != 'N' && **entry != 'H' && **entry != 'X')
            continue;
        for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
            const char *value = value_if(*entry, fixed[i].name);
            if (value)
                *fixed[i].value = value;
        }
        if (!strncmp(*entry, "NODEWISE_", 9) && is_policy_key(*entry))
            ret_environment->has_keys = true;
    }
}

const char *environment_get(const char *name)
{
    for (char **entry = environ; entry && *entry; entry++) {
        const char *value = value_if(*entry, name);
        if (value)
            return value;
    }
    return NULL;
}

static size_t count_entries(void)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    return count;
}

/* Another array of entries, which ends with the new one and NULL, and behind it the entry itself. */
size_t environment_room(const char *name, size_t size)
{
    return (count_entries() + 2) * sizeof(char *) + strlen(name) + 1 + size;
}

char *environment_add(const char *name, void *room)
{
    size_t length = strlen(name), count = count_entries();
    char **entries = room, *text = (char *)(entries + count + 2);
    for (size_t i = 0; i < count; i++)
        entries[i] = environ[i];
    entries[count] = text;
    entries[count + 1] = NULL;
    memcpy(text, name, length);
    text[length] = '=';
    environ = entries;
    return text + length + 1;
}

void environment_clean(void)
{
    char **to = environ;
    if (!to)
        return;
    for (char **entry = environ; *entry; entry++)
        if (strncmp(*entry, "NODEWISE_", 9) != 0)
            *to++ = *entry;
    *to = NULL;
}
