#include "shim/api/report.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/api/counter.h"
#include "shim/api/library.h"
#include "shim/api/local.h"
#include "shim/api/region.h"
#include "shim/sys/again.h"

#define SECTIONS_MOST 8u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const char *name;
    void (*write)(FILE *to);
} sections[SECTIONS_MOST]; /* under the lock */
static unsigned section_count;

void report_add_section(const char *name, void (*write)(FILE *to))
{
    pthread_mutex_lock(&lock);
    unsigned i = 0;
    while (i < section_count && strcmp(sections[i].name, name) != 0)
        i++;
    if (i == section_count && i < SECTIONS_MOST) {
        sections[i].name = name;
        sections[i].write = write;
        section_count++;
    }
    pthread_mutex_unlock(&lock);
}

/* --- the parts --- */

static const char *yes(bool answer)
{
    return answer ? "true" : "false";
}

static void write_capabilities(FILE *to)
{
    struct nw_capabilities can = {.size = sizeof(can)};
    if (nw_capabilities(&can) < 0)
        return;
    fprintf(to,
            ",\"capabilities\":{\"pin\":%s,\"set_mempolicy\":%s,\"mbind\":%s,\"move_pages\":%s,\"huge_2m\":%s,"
            "\"huge_1g\":%s,\"weighted_interleave\":%s,\"io_uring\":%s}",
            yes(can.pin), yes(can.set_mempolicy), yes(can.mbind), yes(can.move_pages), yes(can.huge_2m),
            yes(can.huge_1g), yes(can.weighted_interleave), yes(can.io_uring));
}

struct region_list {
    FILE *to;
    bool any;
};

static void write_region(const struct nw_region *region, void *context)
{
    static const char *const words[] = {"strict", "best_effort", "none"};
    struct region_list *list = context;
    fprintf(list->to, "%s{\"start\":\"%p\",\"bytes\":%zu,\"outcome\":\"%s\",\"reason\":%u}", list->any ? "," : "",
            region->start, region->length, words[region->got.level], region->got.reason);
    list->any = true;
}

static void write_sections(FILE *to)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < section_count; i++) {
        fprintf(to, ",\"%s\":", sections[i].name);
        sections[i].write(to);
    }
    pthread_mutex_unlock(&lock);
}

static void write_all(FILE *to)
{
    struct nw_affinity self = nw_self();
    struct region_list regions = {to, false};
    fprintf(to, "{\"schema\":1,\"pid\":%d,\"governed\":%s,\"slots\":%u,\"node_indexes\":%u", (int)getpid(),
            yes(nw_governed()), nw_slots(), nw_node_indexes());
    fprintf(to, ",\"self\":{\"cpu\":%d,\"node\":%d,\"slot\":%u,\"node_index\":%u}", self.cpu, self.node, self.slot,
            self.node_index);
    write_capabilities(to);
    fprintf(to, ",\"storages\":%u,\"counters\":%u,\"regions\":[", local_count(), counter_count());
    region_each(write_region, &regions);
    fputs("]", to);
    write_sections(to);
    fputs("}\n", to);
}

/* --- writing --- */

static int send(int fd, const char *text, size_t size)
{
    unsigned interruptions = 0;
    while (size) {
        ssize_t done = write(fd, text, size);
        if (done < 0 && !call_again(&interruptions))
            return -errno;
        if (done > 0) {
            text += done;
            size -= (size_t)done;
        }
    }
    return 0;
}

static int report(int fd)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return -ENOMEM;
    write_all(to);
    bool whole = !ferror(to);
    int error = fclose(to) == 0 && whole ? send(fd, text, size) : -ENOMEM;
    free(text);
    return error;
}

API int nw_report(int fd)
{
    int saved = errno;
    int error = library_begin();
    if (!error)
        error = report(fd);
    errno = saved;
    return error;
}
