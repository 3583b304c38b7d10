#include "shim/base/object.h"

#include <elf.h>
#include <string.h>

/* The loader's list, for debuggers: of glibc's ld.so and of musl's. */
extern struct r_debug _r_debug __attribute__((weak));
extern struct r_debug *const _dl_debug_addr __attribute__((weak));
/* of this object, made by the linker */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

#define VERSION_IS_HIDDEN 0x8000u /* of an entry of DT_VERSYM: the version is for old programs only */

/* --- the tables of an object --- */

struct gnu_hash {
    uint32_t buckets, first, bloom_words, bloom_shift;
};

/* `hash` and `gnu_hash`: NULL where the object has no such table; it has one of them. */
struct symbols {
    const ElfW(Sym) * table;
    const char *names;
    size_t names_size;
    const ElfW(Half) * versions; /* NULL: the object has none */
    const Elf_Symndx *hash;
    const struct gnu_hash *gnu_hash;
};

/*
 * glibc adds the load address to the pointers of a writable dynamic section. musl does not, and a read-only section
 * keeps its values.
 */
static const void *relocated(uintptr_t pointer, uintptr_t base)
{
    return (const void *)(pointer < base ? pointer + base : pointer);
}

static bool symbols_of(const struct object *object, struct symbols *ret_symbols)
{
    *ret_symbols = (struct symbols){0};
    for (const ElfW(Dyn) *entry = object->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            ret_symbols->table = relocated(entry->d_un.d_ptr, object->base);
            break;
        case DT_STRTAB:
            ret_symbols->names = relocated(entry->d_un.d_ptr, object->base);
            break;
        case DT_STRSZ:
            ret_symbols->names_size = entry->d_un.d_val;
            break;
        case DT_HASH:
            ret_symbols->hash = relocated(entry->d_un.d_ptr, object->base);
            break;
        case DT_GNU_HASH:
            ret_symbols->gnu_hash = relocated(entry->d_un.d_ptr, object->base);
            break;
        case DT_VERSYM:
            ret_symbols->versions = relocated(entry->d_un.d_ptr, object->base);
            break;
        default:
            break;
        }
    }
    return ret_symbols->table && ret_symbols->names && (ret_symbols->hash || ret_symbols->gnu_hash);
}

static const ElfW(Addr) * bloom_of(const struct gnu_hash *hash)
{
    return (const ElfW(Addr) *)(hash + 1);
}

static const uint32_t *buckets_of(const struct gnu_hash *hash)
{
    return (const uint32_t *)(bloom_of(hash) + hash->bloom_words);
}

/* The values of the symbols from `first` on. The lowest bit is set in the last one of a bucket. */
static const uint32_t *chain_of(const struct gnu_hash *hash)
{
    return buckets_of(hash) + hash->buckets;
}

/* DT_GNU_HASH has no symbol count. The chain of the highest bucket ends at the last symbol. */
static size_t count_gnu(const struct gnu_hash *hash)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < hash->buckets; i++)
        if (buckets_of(hash)[i] > last)
            last = buckets_of(hash)[i];
    if (last < hash->first)
        return hash->first;
    while (!(chain_of(hash)[last - hash->first] & 1))
        last++;
    return (size_t)last + 1;
}

static bool is_function(const ElfW(Sym) * symbol)
{
    unsigned type = symbol->st_info & 0xf;
    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF;
}

/* --- from an address to a name --- */

static bool covers(const struct dl_phdr_info *info, uintptr_t address)
{
    for (uint32_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz)
            return true;
    }
    return false;
}

static struct object object_of(const struct dl_phdr_info *info)
{
    struct object object = {.name = info->dlpi_name, .base = info->dlpi_addr};
    for (uint32_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            object.dynamic = (const ElfW(Dyn) *)(object.base + info->dlpi_phdr[i].p_vaddr);
    return object;
}

struct place {
    uintptr_t address;
    struct object object;
};

static int compare_place(struct dl_phdr_info *info, size_t size, void *context)
{
    struct place *place = context;
    (void)size;
    if (!covers(info, place->address))
        return 0;
    place->object = object_of(info);
    return 1;
}

bool object_at(const void *address, struct object *ret_object)
{
    struct place place = {.address = (uintptr_t)address};
    if (!dl_iterate_phdr(compare_place, &place))
        return false;
    *ret_object = place.object;
    return true;
}

const char *object_function_at(const struct object *object, const void *address)
{
    uintptr_t offset = (uintptr_t)address - object->base;
    struct symbols symbols;
    if (!symbols_of(object, &symbols))
        return NULL;
    size_t count = symbols.hash ? symbols.hash[1] : count_gnu(symbols.gnu_hash);
    for (size_t i = 0; i < count; i++) {
        const ElfW(Sym) *symbol = &symbols.table[i];
        if (is_function(symbol) && offset - symbol->st_value < (symbol->st_size ? symbol->st_size : 1) &&
            symbol->st_name < symbols.names_size)
            return symbols.names + symbol->st_name;
    }
    return NULL;
}

/* --- from a name to an address --- */

static uint32_t hash_gnu(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* System V's (the generic ABI's) hash function, for DT_HASH. */
static uint32_t hash_sysv(const char *name)
{
    uint32_t hash = 0;
    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        hash = (hash ^ ((hash & 0xf0000000u) >> 24)) & 0x0fffffffu;
    }
    return hash;
}

/* The value of an IFUNC is that of its resolver; no function that the shim asks for is one. */
static bool is_it(const struct symbols *symbols, size_t index, const char *name)
{
    const ElfW(Sym) *symbol = &symbols->table[index];
    return is_function(symbol) && (symbol->st_info & 0xf) == STT_FUNC &&
           !(symbols->versions && (symbols->versions[index] & VERSION_IS_HIDDEN)) &&
           !strcmp(symbols->names + symbol->st_name, name);
}

static size_t find_gnu(const struct symbols *symbols, const char *name)
{
    const struct gnu_hash *hash = symbols->gnu_hash;
    const uint32_t wanted = hash_gnu(name), bits = sizeof(ElfW(Addr)) * 8;
    ElfW(Addr) word = bloom_of(hash)[(wanted / bits) & (hash->bloom_words - 1)];
    if (!(word >> (wanted % bits) & word >> ((wanted >> hash->bloom_shift) % bits) & 1))
        return 0;
    uint32_t index = hash->buckets ? buckets_of(hash)[wanted % hash->buckets] : 0;
    if (index < hash->first)
        return 0;
    for (;; index++) {
        uint32_t value = chain_of(hash)[index - hash->first];
        if ((value | 1) == (wanted | 1) && is_it(symbols, index, name))
            return index;
        if (value & 1)
            return 0;
    }
}

static size_t find_sysv(const struct symbols *symbols, const char *name)
{
    const Elf_Symndx *hash = symbols->hash, *buckets = hash + 2, *chain = buckets + hash[0];
    size_t index = hash[0] ? (size_t)buckets[hash_sysv(name) % hash[0]] : 0;
    while (index && !is_it(symbols, index, name))
        index = (size_t)chain[index];
    return index;
}

struct search {
    const char *names;
    size_t count;
    void **found;
};

/* Is something still to be found? */
static bool search_object(const struct search *search, const struct object *object)
{
    const char *name = search->names;
    struct symbols symbols;
    bool goes_on = false;
    if (!symbols_of(object, &symbols))
        return true;
    for (size_t i = 0; i < search->count; i++, name += strlen(name) + 1) {
        if (search->found[i])
            continue;
        size_t index = symbols.gnu_hash ? find_gnu(&symbols, name) : find_sysv(&symbols, name);
        if (index)
            search->found[i] = (void *)(object->base + symbols.table[index].st_value);
        else
            goes_on = true;
    }
    return goes_on;
}

static const struct link_map *first_map(void)
{
    if (&_r_debug)
        return _r_debug.r_map;
    return &_dl_debug_addr ? _dl_debug_addr->r_map : NULL;
}

static const struct link_map *own_map(void)
{
    const struct link_map *map = first_map();
    while (map && map->l_ld != _DYNAMIC)
        map = map->l_next;
    return map;
}

static struct object object_of_map(const struct link_map *map)
{
    return (struct object){map->l_name, map->l_addr, map->l_ld};
}

bool object_own(struct object *ret_object)
{
    const struct link_map *own = own_map();
    if (own)
        *ret_object = object_of_map(own);
    return own != NULL;
}

void object_find(enum object_range range, const char *names, size_t count, void **ret_found)
{
    const struct search search = {names, count, ret_found};
    const struct link_map *map = first_map();
    if (range == OBJECTS_BEHIND) {
        map = own_map();
        map = map ? map->l_next : NULL;
    }
    for (; map; map = map->l_next) {
        const struct object object = object_of_map(map);
        if (!search_object(&search, &object))
            return;
    }
}
