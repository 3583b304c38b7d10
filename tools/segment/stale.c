#include "tools/segment/stale.h"

#include <stdlib.h>
#include <time.h>

#include "policy/grow.h"
#include "shim/base/segment_layout.h"
#include "shim/telemetry/survey_layout.h"
#include "tools/segment/segments.h"

struct pile {
    time_t *times; /* of what was found */
    size_t count, room;
};

static void add(void *context, const struct segment_file *file)
{
    struct pile *pile = context;
    time_t *times = grow(pile->times, &pile->room, pile->count, sizeof(*times));
    if (!times)
        return;
    pile->times = times;
    pile->times[pile->count++] = file->status.st_mtime;
}

static int newest_first(const void *a, const void *b)
{
    const time_t *one = a, *other = b;
    return *one > *other ? -1 : *one < *other;
}

/* With requests and answers that were not collected. */
static void remove_old(void *context, const struct segment_file *file)
{
    static const char *const suffixes[] = {RELOAD_SUFFIX, SURVEY_SUFFIX, SURVEY_WANTED_SUFFIX, SEGMENT_SUFFIX};
    const time_t *oldest = context;
    for (size_t i = 0; file->status.st_mtime < *oldest && i < sizeof(suffixes) / sizeof(*suffixes); i++)
        segment_remove_beside(file, suffixes[i]);
}

void stale_sweep(void)
{
    struct pile pile = {0};
    time_t oldest = time(NULL) - STALE_SECONDS;
    segment_each_dead(add, &pile);
    if (pile.count)
        qsort(pile.times, pile.count, sizeof(*pile.times), newest_first);
    if (pile.count > STALE_KEPT && pile.times[STALE_KEPT - 1] > oldest)
        oldest = pile.times[STALE_KEPT - 1];
    if (pile.count && pile.times[pile.count - 1] < oldest)
        segment_each_dead(remove_old, &oldest);
    free(pile.times);
    segment_remove_outside();
}
