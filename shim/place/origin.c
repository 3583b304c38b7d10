#include "shim/place/origin.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "shim/base/state.h"
#include "shim/telemetry/texts.h"

#define CACHE_SIZE 256u

extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak)); /* glibc 2.35 */
extern __typeof__(dladdr1) dladdr1 __attribute__((weak));                 /* missing in musl */

/*
 * A direct-mapped cache. `version` is odd while an entry is written. A reader that sees it change looks the address up
 * itself; a writer that finds it odd leaves the entry to the other writer.
 */
static struct entry {
    _Atomic uint32_t version;
    _Atomic uint32_t names; /* library << 16 | function */
    _Atomic uintptr_t address;
} cache[CACHE_SIZE];

struct symbols {
    const ElfW(Sym) * table;
    const char *names;
    size_t names_size;
    uint32_t count;
};

/*
 * glibc adds the load address to the pointers of a writable dynamic section. musl does not, and a read-only section
 * keeps its values.
 */
static uintptr_t relocated(uintptr_t pointer, uintptr_t load_address)
{
    return pointer < load_address ? pointer + load_address : pointer;
}

/* DT_GNU_HASH has no symbol count. The last chain of the highest bucket ends at the last symbol. */
static uint32_t count_gnu(const uint32_t *hash)
{
    uint32_t buckets = hash[0], first = hash[1], bloom_words = hash[2], last = 0;
    const uint32_t *bucket = hash + 4 + bloom_words * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chain = bucket + buckets;
    for (uint32_t i = 0; i < buckets; i++)
        if (bucket[i] > last)
            last = bucket[i];
    if (last < first)
        return first;
    while (!(chain[last - first] & 1))
        last++;
    return last + 1;
}

static bool symbols_of(const struct link_map *map, struct symbols *ret_symbols)
{
    uintptr_t table = 0, names = 0, hash = 0, gnu_hash = 0;
    *ret_symbols = (struct symbols){0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            table = relocated(entry->d_un.d_ptr, map->l_addr);
            break;
        case DT_STRTAB:
            names = relocated(entry->d_un.d_ptr, map->l_addr);
            break;
        case DT_STRSZ:
            ret_symbols->names_size = entry->d_un.d_val;
            break;
        case DT_HASH:
            hash = relocated(entry->d_un.d_ptr, map->l_addr);
            break;
        case DT_GNU_HASH:
            gnu_hash = relocated(entry->d_un.d_ptr, map->l_addr);
            break;
        default:
            break;
        }
    }
    if (!table || !names || (!hash && !gnu_hash))
        return false;
    ret_symbols->table = (const ElfW(Sym) *)table;
    ret_symbols->names = (const char *)names;
    ret_symbols->count = hash ? ((const uint32_t *)hash)[1] : count_gnu((const uint32_t *)gnu_hash);
    return true;
}

static bool symbol_covers(const ElfW(Sym) * symbol, uintptr_t offset)
{
    unsigned type = symbol->st_info & 0xf;
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF)
        return false;
    return offset >= symbol->st_value && offset - symbol->st_value < (symbol->st_size ? symbol->st_size : 1);
}

static uint16_t function_at(const struct link_map *map, const void *address)
{
    uintptr_t offset = (uintptr_t)address - map->l_addr;
    struct symbols symbols;
    if (!symbols_of(map, &symbols))
        return 0;
    for (uint32_t i = 0; i < symbols.count; i++) {
        const ElfW(Sym) *symbol = &symbols.table[i];

        if (symbol_covers(symbol, offset) && symbol->st_name < symbols.names_size)
            return texts_keep(symbols.names + symbol->st_name, strlen(symbols.names + symbol->st_name));
    }
    return 0;
}

static const struct link_map *map_at(const void *address)
{
    struct link_map *map = NULL;
    Dl_info unused;

    if (_dl_find_object) {
        struct dl_find_object object;
        return _dl_find_object((void *)address, &object) == 0 ? object.dlfo_link_map : NULL;
    }
    return dladdr1 && dladdr1(address, &unused, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
}

/* Without a link map the answer is dladdr's, which names the nearest symbol below. */
static struct origin look_up_portably(const void *address)
{
    struct origin origin = {0};
    Dl_info info;

    if (!dladdr(address, &info))
        return origin;
    if (info.dli_fname)
        origin.library = texts_keep(info.dli_fname, strlen(info.dli_fname));
    if (info.dli_sname)
        origin.function = texts_keep(info.dli_sname, strlen(info.dli_sname));
    return origin;
}

static struct origin look_up(const void *address)
{
    struct origin origin = {0};
    if (!_dl_find_object && !dladdr1)
        return look_up_portably(address);
    const struct link_map *map = map_at(address);
    if (!map)
        return origin;
    /* the loader has no name for the main program, and the application could set argv[0] to anything */
    const char *library = map->l_name && *map->l_name ? map->l_name : shim.facts.exe;
    if (library)
        origin.library = texts_keep(library, strlen(library));
    if (shim_needs(PLAN_NEEDS_FUNCTIONS | PLAN_NEEDS_CALLSTACK))
        origin.function = function_at(map, address);
    return origin;
}

static bool cached(struct entry *entry, const void *address, struct origin *ret_origin)
{
    uint32_t version = atomic_load_explicit(&entry->version, memory_order_acquire);
    uint32_t names = atomic_load_explicit(&entry->names, memory_order_relaxed);
    uintptr_t key = atomic_load_explicit(&entry->address, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire); /* pairs with the release store that ends remember() */
    if ((version & 1) || key != (uintptr_t)address ||
        atomic_load_explicit(&entry->version, memory_order_relaxed) != version)
        return false;
    *ret_origin = (struct origin){(uint16_t)(names >> 16), (uint16_t)names};
    return true;
}

static void remember(struct entry *entry, const void *address, struct origin origin)
{
    uint32_t version = atomic_load_explicit(&entry->version, memory_order_relaxed);
    if ((version & 1) || !atomic_compare_exchange_strong(&entry->version, &version, version + 1))
        return;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&entry->names, (uint32_t)origin.library << 16 | origin.function, memory_order_relaxed);
    atomic_store_explicit(&entry->address, (uintptr_t)address, memory_order_relaxed);
    atomic_store_explicit(&entry->version, version + 2, memory_order_release);
}

struct origin origin_of(const void *address)
{
    struct entry *entry = &cache[((uintptr_t)address >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> 56];
    struct origin origin;
    if (!address)
        return (struct origin){0};
    if (cached(entry, address, &origin))
        return origin;
    origin = look_up(address);
    remember(entry, address, origin);
    return origin;
}
