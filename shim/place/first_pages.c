#include "shim/place/first_pages.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/base/common.h"
#include "shim/memory/mover.h"
#include "shim/place/apply.h"

#define STACK_PAGES  16u                 /* pages of main's stack that are checked */
#define DEEPER       8u                  /* those of them below this frame, which the loader has used */
#define BLOCK_BEFORE 2u                  /* pages of static TLS that are checked */
#define BSS_MOST     ((size_t)256 << 10) /* of an object's zeroed data; the program has hardly touched the rest yet */

/* A symbol of ld.so: the stack as the kernel handed it over. musl does not have it. */
extern void *__libc_stack_end __attribute__((weak));

/* --- stack and thread block --- */

uintptr_t first_pages_stack_end(void)
{
    return &__libc_stack_end ? page_floor((uintptr_t)__libc_stack_end) + page_size() : 0;
}

static void add(struct mover *mover, uint32_t node, uintptr_t start, uintptr_t end)
{
    start = page_floor(start);
    mover_add_all(mover, start, page_ceiling(end) - start, node);
}

/* Adds the stack and the page behind it, where the kernel may have put a part of the arguments. */
static void add_stack(struct mover *mover, uint32_t node)
{
    uintptr_t end = first_pages_stack_end() + page_size();
    uintptr_t start = page_floor((uintptr_t)__builtin_frame_address(0)) - DEEPER * page_size();
    add(mover, node, end - start > STACK_PAGES * page_size() ? end - STACK_PAGES * page_size() : start, end);
}

static void add_block(struct mover *mover, uint32_t node)
{
    uintptr_t block = page_floor((uintptr_t)__builtin_thread_pointer());
    add(mover, node, block - BLOCK_BEFORE * page_size(), block + 2 * page_size());
}

static uint64_t bytes_left(const struct mover *mover)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < SEGMENT_KEPT; i++)
        bytes += mover->kept[i];
    return bytes;
}

/* Notes the outcome. Where the kernel does not tell where pages are, the outcome claims nothing. */
static void note(struct thread *thread, const struct mover *mover)
{
    enum outcome outcome = OUTCOME_STRICT;
    enum reason reason = REASON_OK;
    if (mover->error) {
        bool looked = mover_node_of((uintptr_t)__builtin_frame_address(0)) != UINT32_MAX;
        outcome = looked ? OUTCOME_BEST_EFFORT : OUTCOME_NONE;
        reason = reason_of_error(mover->error);
    } else if (bytes_left(mover)) {
        outcome = OUTCOME_BEST_EFFORT;
        reason = REASON_NOT_MOVED;
    }
    thread->stack_outcome = (uint8_t)outcome;
    thread->stack_reason = (uint8_t)reason;
}

/* --- static data --- */

struct objects {
    struct mover *mover;
    uint32_t node;
};

static void add_segment(const struct objects *objects, uintptr_t base, const ElfW(Phdr) * segment)
{
    uintptr_t start = base + segment->p_vaddr;
    size_t zeroed = segment->p_memsz - segment->p_filesz;
    add(objects->mover, objects->node, start, start + segment->p_filesz + (zeroed < BSS_MOST ? zeroed : BSS_MOST));
}

/* RELRO, which is read-only by now, is part of such a segment. */
static int add_object(struct dl_phdr_info *object, size_t size, void *context)
{
    const struct objects *objects = context;
    (void)size;
    for (uint32_t i = 0; i < object->dlpi_phnum; i++) {
        if (objects->mover->moved >= FIRST_PAGES_MOST || objects->mover->error)
            return 1;
        if (object->dlpi_phdr[i].p_type == PT_LOAD && (object->dlpi_phdr[i].p_flags & PF_W))
            add_segment(objects, object->dlpi_addr, &object->dlpi_phdr[i]);
    }
    return 0;
}

static void move_static_data(struct mover *mover, uint32_t node)
{
    struct objects objects = {mover, node};
    dl_iterate_phdr(add_object, &objects);
    mover_run(mover);
}

void first_pages_settle(struct thread *thread, uint32_t node)
{
    static bool seen;
    struct mover mover;
    int saved = errno;
    mover_init(&mover);
    add_stack(&mover, node);
    add_block(&mover, node);
    mover_run(&mover);
    note(thread, &mover);
    if (mover.moved + bytes_left(&mover) && !seen)
        move_static_data(&mover, node);
    seen = true;
    errno = saved;
}
