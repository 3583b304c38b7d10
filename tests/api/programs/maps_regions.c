/*
 * Regions: what was asked is read back; what is refused leaves a valid mapping (soft) or none (hard). The arguments say what
 * the kernel refuses: mbind, move_pages, madvise, mmap.
 */
#include <errno.h>
#include <fcntl.h>
#include <nodewise.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define LENGTH (300u << 10)

static bool no_mbind, no_move_pages, no_madvise;

static struct nw_region_options options_of(enum nw_policy policy, enum nw_mode mode)
{
    struct nw_region_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.policy = (uint8_t)policy;
    options.mode = (uint8_t)mode;
    options.nodes = "all";
    return options;
}

/* Every byte can be read and written, and is zero at first. */
static void is_usable(const struct nw_region *region)
{
    char *bytes = (char *)region->start;
    for (size_t i = 0; i < region->length; i += 1024)
        CHECK(bytes[i] == 0);
    memset(bytes, 7, region->length);
}

static bool is_mapped(void *start)
{
    unsigned char present;
    return mincore(start, 1, &present) == 0;
}

static void each_policy(void)
{
    for (int policy = NW_LOCAL; policy <= NW_WEIGHTED_INTERLEAVE; policy++) {
        struct nw_region_options options = options_of((enum nw_policy)policy, NW_SOFT);
        struct nw_region region;
        double right;
        CHECK(nw_region_map(&region, LENGTH, &options) == 0);
        CHECK(region.length >= LENGTH && region.length % (size_t)sysconf(_SC_PAGESIZE) == 0);
        if (no_mbind)
            CHECK(region.got.level == NW_NONE && strstr(nw_reason(region.got.reason), "EPERM"));
        else /* an old kernel lacks some */
            CHECK(region.got.level == NW_STRICT || (region.got.level == NW_BEST_EFFORT && policy >= NW_PREFERRED_MANY));
        is_usable(&region);
        int looked = nw_region_check(&region, 0, &right);
        CHECK(looked == (no_move_pages ? -EPERM : (int)(region.length / (size_t)sysconf(_SC_PAGESIZE))));
        CHECK(no_move_pages || right == 1);
        void *start = region.start;
        struct nw_region copy = region;
        CHECK(nw_region_unmap(&region) == 0);
        CHECK(!is_mapped(start));
        CHECK(region.start == NULL && nw_region_unmap(&region) == 0);
        CHECK(nw_region_check(&copy, 0, &right) == -EINVAL);
    }
}

/* The seeds unmapped a region whose policy was refused, and went on to use it (N1). */
static void refused_policy_leaves_a_mapping_or_none(void)
{
    struct nw_region_options soft = options_of(NW_BIND, NW_SOFT), hard = options_of(NW_BIND, NW_HARD);
    struct nw_region region;
    memset(&region, 0x5a, sizeof(region));
    struct nw_region before = region;
    CHECK(nw_region_map(&region, LENGTH, &hard) == (no_mbind ? -EPERM : 0));
    if (no_mbind)
        CHECK(!memcmp(&region, &before, sizeof(region))); /* set on success only */
    else
        CHECK(region.got.level == NW_STRICT && nw_region_unmap(&region) == 0);
    CHECK(nw_region_map(&region, LENGTH, &soft) == 0);
    CHECK(is_mapped(region.start));
    is_usable(&region);
    CHECK(nw_region_unmap(&region) == 0);
}

static void prefaults(void)
{
    static const char ways[] = "tp";
    for (int i = 0; ways[i]; i++) {
        struct nw_region_options options = options_of(NW_BIND, NW_SOFT);
        struct nw_region region;
        unsigned char present[LENGTH / 4096];
        options.prefault = (uint8_t)ways[i];
        options.touch_threads = 3;
        CHECK(nw_region_map(&region, LENGTH, &options) == 0);
        CHECK(mincore(region.start, region.length, present) == 0);
        for (size_t page = 0; page < region.length / (size_t)sysconf(_SC_PAGESIZE) && !no_madvise; page++)
            CHECK(present[page] & 1);
        if (no_madvise)
            CHECK(region.got.level != NW_STRICT);
        is_usable(&region);
        CHECK(nw_region_unmap(&region) == 0);
    }
}

/* The pool of huge pages is most often empty: then transparent ones, and the reason. */
static void huge_pages(void)
{
    static const char sizes[] = "2tn";
    for (int i = 0; sizes[i]; i++) {
        struct nw_region_options options = options_of(NW_BIND, NW_SOFT);
        struct nw_region region;
        options.huge = (uint8_t)sizes[i];
        CHECK(nw_region_map(&region, 3u << 20, &options) == 0);
        CHECK(region.length >= 3u << 20);
        if (sizes[i] != 'n')
            CHECK((uintptr_t)region.start % (2u << 20) == 0);
        is_usable(&region);
        CHECK(nw_region_unmap(&region) == 0);
    }
}

static void mistakes(void)
{
    struct nw_region_options options = options_of(NW_BIND, NW_SOFT);
    struct nw_region region;
    CHECK(nw_region_map(&region, 0, NULL) == -EINVAL);
    CHECK(nw_region_map(&region, SIZE_MAX, NULL) == -ENOMEM);
    options.policy = 99;
    CHECK(nw_region_map(&region, LENGTH, &options) == -EINVAL);
    options = options_of(NW_BIND, NW_SOFT);
    options.nodes = "no such set";
    CHECK(nw_region_map(&region, LENGTH, &options) == -EINVAL);
    options.nodes = "77";
    CHECK(nw_region_map(&region, LENGTH, &options) == -ENOENT);
    options = options_of(NW_BIND, NW_SOFT);
    options.huge = 'x';
    CHECK(nw_region_map(&region, LENGTH, &options) == -EINVAL);
    CHECK(nw_region_unmap(NULL) == 0);
}

static void allocates_on_nodes(void)
{
    static const size_t sizes[] = {1, 100, 5000, 3u << 20};
    int32_t node = nw_self().node;
    struct nw_topology *topology;
    CHECK(nw_topology_open(NULL, &topology) == 0);
    CHECK(node >= 0 || nw_topology_nodes(topology, &node, 1) >= 1);
    nw_topology_close(topology);
    for (int i = 0; i < 4; i++) {
        void *block = nw_alloc_on(node, sizes[i]);
        CHECK(block != NULL);
        memset(block, 1, sizes[i]);
        free(block);
    }
    CHECK(nw_alloc_on(-1, 10) == NULL);
    CHECK(nw_alloc_on(1023, 10) == NULL);
}

int main(int argc, char **argv)
{
    no_mbind = told(argc, argv, "mbind");
    no_move_pages = told(argc, argv, "move_pages");
    no_madvise = told(argc, argv, "madvise");
    if (told(argc, argv, "mmap")) {
        struct nw_region region;
        CHECK(nw_region_map(&region, LENGTH, NULL) == -ENOMEM);
        return 0;
    }
    each_policy();
    refused_policy_leaves_a_mapping_or_none();
    prefaults();
    huge_pages();
    mistakes();
    allocates_on_nodes();
    return 0;
}
