#include "tools/report/not_adopted.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/read_file.h"

#define NAMED_MOST 8 /* in text */

static bool read_name(const struct snapshot *snapshot, long tid, char *ret_name, size_t size)
{
    char path[80];
    snprintf(path, sizeof(path), "/proc/%u/task/%ld/comm", snapshot->header.pid, tid);
    return read_line(path, ret_name, size);
}

static int compare(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return first < second ? -1 : first > second;
}

/* The tids of those that are known, in order; malloc'd. */
static uint32_t *known_tids(const struct snapshot *snapshot, size_t *ret_count)
{
    uint32_t *tids = malloc((snapshot->thread_count + 1) * sizeof(*tids));
    *ret_count = 0;
    for (size_t i = 0; tids && i < snapshot->thread_count; i++)
        if (snapshot->threads[i].state != THREAD_ENDED)
            tids[(*ret_count)++] = snapshot->threads[i].tid;
    if (tids)
        qsort(tids, *ret_count, sizeof(*tids), compare);
    return tids;
}

static void add_not_adopted(json_t *list, const struct snapshot *snapshot, long tid)
{
    char name[32];
    if (!read_name(snapshot, tid, name, sizeof(name)) || strcmp(name, SEGMENT_WORKER) == 0)
        return;
    json_array_append_new(list, json_pack("{s:I, s:o}", "tid", (json_int_t)tid, "name", json_any_text(name)));
}

json_t *not_adopted_threads(const struct snapshot *snapshot)
{
    json_t *list = json_array();
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/task", snapshot->header.pid);
    DIR *tasks = snapshot->alive && snapshot->header.threads_unlisted == 0 ? opendir(path) : NULL;
    size_t count = 0;
    uint32_t *known = tasks ? known_tids(snapshot, &count) : NULL;
    for (struct dirent *entry; known && (entry = readdir(tasks));) {
        uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
        if (isdigit((unsigned char)*entry->d_name) && !bsearch(&tid, known, count, sizeof(tid), compare))
            add_not_adopted(list, snapshot, tid);
    }
    free(known);
    if (tasks)
        closedir(tasks);
    return list;
}

void not_adopted_text(FILE *to, const json_t *report)
{
    const json_t *list = json_object_get(report, "not_adopted");
    size_t count = json_array_size(list), index;
    json_t *thread;
    if (!count)
        return;
    fprintf(to, "threads that nodewise has not adopted: ");
    json_array_foreach(list, index, thread) {
        if (index < NAMED_MOST)
            fprintf(to, "%s%s (%lld)", index ? ", " : "", printable(text_of(thread, "name")), number_of(thread, "tid"));
    }
    fprintf(to, count > NAMED_MOST ? " and %zu more\n" : "\n", count - NAMED_MOST);
}
