#include "tests/lab/counter/remote_pages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TABLE 16384u /* pages of one CPU; further ones are not counted */

struct entry {
    uint64_t page, accesses;
};

struct remote_pages {
    unsigned cpus, most;
    struct entry *entries; /* TABLE for each CPU, then TABLE for their sum */
};

struct remote_pages *remote_pages_open(unsigned cpus, unsigned most)
{
    struct remote_pages *pages = malloc(sizeof(*pages));
    if (!pages)
        return NULL;
    *pages = (struct remote_pages){cpus, most, calloc((size_t)TABLE * (cpus + 1), sizeof(struct entry))};
    if (pages->entries)
        return pages;
    free(pages);
    return NULL;
}

static void add(struct entry *table, uint64_t page, uint64_t accesses)
{
    uint32_t at = (uint32_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 50);
    for (uint32_t i = 0; i < TABLE; i++, at = (at + 1) % TABLE) {
        if (table[at].accesses && table[at].page != page)
            continue;
        table[at].page = page;
        table[at].accesses += accesses;
        return;
    }
}

void remote_pages_count(struct remote_pages *pages, unsigned cpu, uint64_t address)
{
    add(pages->entries + (size_t)cpu * TABLE, address >> 12, 1);
}

static int most_first(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    return (other->accesses > one->accesses) - (other->accesses < one->accesses);
}

void remote_pages_print(FILE *to, struct remote_pages *pages)
{
    struct entry *sum = pages->entries + (size_t)pages->cpus * TABLE;
    memset(sum, 0, TABLE * sizeof(*sum));
    for (size_t i = 0; i < (size_t)pages->cpus * TABLE; i++)
        if (pages->entries[i].accesses)
            add(sum, pages->entries[i].page, pages->entries[i].accesses);
    qsort(sum, TABLE, sizeof(*sum), most_first);
    fputc('[', to);
    for (unsigned i = 0; i < pages->most && i < TABLE && sum[i].accesses; i++)
        fprintf(to, "%s[\"0x%" PRIx64 "\", %" PRIu64 "]", i ? ", " : "", sum[i].page << 12, sum[i].accesses);
    fputc(']', to);
}

void remote_pages_clear(struct remote_pages *pages)
{
    memset(pages->entries, 0, (size_t)TABLE * pages->cpus * sizeof(*pages->entries));
}

void remote_pages_close(struct remote_pages *pages)
{
    if (pages)
        free(pages->entries);
    free(pages);
}
