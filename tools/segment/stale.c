#include "tools/segment/stale.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/telemetry/survey_layout.h"
#include "tools/segment/request.h"
#include "tools/segment/snapshot.h"

struct left {
    char *path;
    time_t at;
};

struct pile {
    struct left *items;
    size_t count, room;
};

static void add(void *context, const char *path, pid_t pid)
{
    struct pile *pile = context;
    struct stat status;
    (void)pid;
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid())
        return;
    if (pile->count == pile->room) {
        size_t room = pile->room ? 2 * pile->room : 128;
        struct left *items = realloc(pile->items, room * sizeof(*items));
        if (!items)
            return;
        pile->items = items;
        pile->room = room;
    }
    char *copy = strdup(path);
    if (copy)
        pile->items[pile->count++] = (struct left){copy, status.st_mtime};
}

static int newest_first(const void *a, const void *b)
{
    const struct left *x = a, *y = b;
    return x->at > y->at ? -1 : x->at < y->at;
}

/* With requests and answers that were not collected. */
static void remove_all(const char *segment)
{
    static const char *const suffixes[] = {SEGMENT_SUFFIX, RELOAD_SUFFIX, SURVEY_SUFFIX, SURVEY_WANTED_SUFFIX};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        char *path = request_path(segment, suffixes[i]);
        if (path)
            unlink(path);
        free(path);
    }
}

void stale_sweep(void)
{
    struct pile pile = {0};
    time_t now = time(NULL);
    segment_each_dead(add, &pile);
    if (pile.count)
        qsort(pile.items, pile.count, sizeof(*pile.items), newest_first);
    for (size_t i = 0; i < pile.count; i++) {
        if (i >= STALE_KEPT || now - pile.items[i].at > STALE_SECONDS)
            remove_all(pile.items[i].path);
        free(pile.items[i].path);
    }
    free(pile.items);
}
