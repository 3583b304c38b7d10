/*
 * object: what the dynamic loader has mapped (the program and its libraries), read from the ELF structures in memory.
 *
 * dlsym and dladdr are not linked to: before glibc 2.34 they are in libdl.so.2, which most programs do not load and which
 * would cost each start of a program some 100 us.
 *
 * Any thread; not from signal handlers. Nothing is allocated, and errno and dlerror(3) stay as they are.
 */
#ifndef NODEWISE_SHIM_BASE_OBJECT_H
#define NODEWISE_SHIM_BASE_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
    const char *name; /* the loader's, valid while the object is mapped; "": the program itself */
    uintptr_t base;   /* added to an address in the file gives one in memory */
    const ElfW(Dyn) * dynamic;
};

/* The object that `address` lies in. False: none. Takes the loader's lock for dl_iterate_phdr(3), which is recursive. */
bool object_at(const void *address, struct object *ret_object);

/* The object of the caller: the shim. False: it is not in the list of the loader. Takes no lock, as object_find(). */
bool object_own(struct object *ret_object);

/* The name of the exported function at `address`, which lies in the object. NULL: none. Takes no lock. */
const char *object_function_at(const struct object *object, const void *address);

enum object_range {
    OBJECTS_ALL,
    OBJECTS_BEHIND, /* those that the loader has mapped after the own one, as RTLD_NEXT */
};

/*
 * Looks `count` functions up, whose names stand in `names` one behind the other, each with its '\0'. For each:
 * ret_found[i] is that in the first object of the range that has it, in the version that a new program would get. It
 * keeps its value where that is not NULL or no object has the function.
 *
 * Reads the loader's list without its lock and calls nothing: interposers of dl_iterate_phdr(3) such as ThreadSanitizer's
 * do not work before their own start. So no other thread may unload a library in the meantime. Objects from the start of
 * the program come first in the list and stay.
 */
void object_find(enum object_range range, const char *names, size_t count, void **ret_found);

#endif
