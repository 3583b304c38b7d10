#include "shim/place/origin.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "shim/base/next.h"
#include "shim/base/object.h"
#include "shim/base/state.h"
#include "shim/sys/glibc.h"
#include "shim/telemetry/texts.h"

#define CACHE_SIZE 256u

/*
 * A direct-mapped cache. `version` is odd while an entry is written. A reader that sees it change looks the address up
 * itself; a writer that finds it odd leaves the entry to the other writer.
 */
static struct entry {
    _Atomic uint32_t version;
    _Atomic uint32_t names; /* library << 16 | function */
    _Atomic uintptr_t address;
} cache[CACHE_SIZE];

/* Without taking the loader's lock where libc can tell (glibc 2.35). */
static bool find_object(const void *address, struct object *ret_object)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    next__dl_find_object *find = glibc_minor() >= 35 ? NEXT_OR_BIND(_dl_find_object) : NULL;
    struct dl_find_object found;
    if (find) {
        if (find((void *)address, &found) != 0)
            return false;
        const struct link_map *map = found.dlfo_link_map;
        *ret_object = (struct object){map->l_name, map->l_addr, map->l_ld};
        return true;
    }
#endif
    return object_at(address, ret_object);
}

static uint16_t kept(const char *text)
{
    return text ? texts_keep(text, strlen(text)) : 0;
}

static struct origin look_up(const void *address)
{
    struct origin origin = {0};
    struct object object;
    if (!find_object(address, &object))
        return origin;
    /* the loader has no name for the main program, and the application could set argv[0] to anything */
    origin.library = kept(object.name && *object.name ? object.name : shim.facts.exe);
    if (shim_needs(PLAN_NEEDS_FUNCTIONS | PLAN_NEEDS_CALLSTACK))
        origin.function = kept(object_function_at(&object, address));
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
