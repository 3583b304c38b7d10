#include "tools/prepare/users.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match.h"

static int one_user(const char *name, struct plan_range *ret_range)
{
    const struct passwd *entry = getpwnam(name);
    char *end;
    unsigned long uid = strtoul(name, &end, 10);
    if (entry)
        uid = entry->pw_uid;
    else if (*name < '0' || *name > '9' || *end != '\0' || uid >= UINT32_MAX)
        return 0;
    *ret_range = (struct plan_range){(uint32_t)uid, (uint32_t)uid};
    return 1;
}

int find_users(void *context, const char *glob, struct plan_range *ret_ranges, size_t max)
{
    size_t count = 0;
    (void)context;
    if (max == 0)
        return 0;
    if (!strpbrk(glob, "*?[\\"))
        return one_user(glob, ret_ranges);
    setpwent();
    for (const struct passwd *entry; count < max && (entry = getpwent());) {
        if (!glob_match(glob, entry->pw_name))
            continue;
        if (count && ret_ranges[count - 1].last + 1 == entry->pw_uid)
            ret_ranges[count - 1].last++;
        else
            ret_ranges[count++] = (struct plan_range){entry->pw_uid, entry->pw_uid};
    }
    endpwent();
    return (int)count;
}
