#include "shim/memory/first_pages.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/place/apply.h"
#include "shim/sys/placing.h"

#define PAGE         ((uintptr_t)4096)
#define BATCH        256u
#define STACK_PAGES  16u /* of main's stack that are looked at, and those below this frame among them: */
#define DEEPER       8u  /* the loader has been there */
#define BLOCK_BEFORE 2u  /* pages of static TLS that are looked at */
#define BSS_MOST     ((size_t)256 << 10) /* of an object's zeroed data; what lies beyond is hardly touched yet */

/* ld.so's: the stack as the kernel handed it over. musl has none. */
extern void *__libc_stack_end __attribute__((weak));

struct batch {
    uint32_t node;
    uint32_t found, left; /* pages elsewhere, before and after the move */
    uint32_t moved;
    int look_error, move_error; /* negative errno, or 0 */
    uint32_t count;
    void *pages[BATCH];
    int targets[BATCH], status[BATCH];
};

/* Pages that are not there, or nobody tells where, are left out. */
static void keep_wrong(struct batch *batch)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->status[i] >= 0 && (uint32_t)batch->status[i] != batch->node)
            batch->pages[kept++] = batch->pages[i];
    batch->count = kept;
}

static bool look(struct batch *batch)
{
    int error = batch->count ? sys_move_pages(batch->count, batch->pages, NULL, batch->status) : 0;

    if (error) {
        batch->look_error = error;
        batch->count = 0;
        return false;
    }
    keep_wrong(batch);
    return true;
}

static void flush(struct batch *batch)
{
    int error;

    if (!look(batch) || !batch->count)
        return;
    batch->found += batch->count;
    batch->moved += batch->count;
    for (uint32_t i = 0; i < batch->count; i++)
        batch->targets[i] = (int)batch->node;
    error = sys_move_pages(batch->count, batch->pages, batch->targets, batch->status);
    if (error < 0)
        batch->move_error = error;
    if (look(batch))
        batch->left += batch->count;
    batch->count = 0;
}

static void add(struct batch *batch, uintptr_t start, uintptr_t end)
{
    for (start &= ~(PAGE - 1); start < end; start += PAGE) {
        if (batch->count == BATCH)
            flush(batch);
        batch->pages[batch->count++] = (void *)start;
    }
}

/* --- stack and thread block --- */

uintptr_t first_pages_stack_end(void)
{
    return &__libc_stack_end ? ((uintptr_t)__libc_stack_end | (PAGE - 1)) + 1 : 0;
}

/* With the page behind, where the kernel may have put a part of the arguments. */
static void add_stack(struct batch *batch)
{
    uintptr_t end = first_pages_stack_end() + PAGE;
    uintptr_t start = ((uintptr_t)__builtin_frame_address(0) & ~(PAGE - 1)) - DEEPER * PAGE;

    add(batch, end - start > STACK_PAGES * PAGE ? end - STACK_PAGES * PAGE : start, end);
}

static void add_block(struct batch *batch)
{
    uintptr_t block = (uintptr_t)__builtin_thread_pointer() & ~(PAGE - 1);

    add(batch, block - BLOCK_BEFORE * PAGE, block + 2 * PAGE);
}

static void note(struct thread *thread, const struct batch *batch)
{
    int error = batch->look_error ? batch->look_error : batch->move_error;
    enum reason reason = REASON_OK;

    thread->stack_outcome = batch->look_error ? OUTCOME_NONE : batch->left ? OUTCOME_BEST_EFFORT : OUTCOME_STRICT;
    if (thread->stack_outcome != OUTCOME_STRICT)
        reason = error ? reason_of_error(error) : REASON_NOT_MOVED;
    thread->stack_reason = (uint8_t)reason;
}

/* --- static data --- */

static void add_segment(struct batch *batch, uintptr_t base, const ElfW(Phdr) * segment)
{
    uintptr_t start = base + segment->p_vaddr;
    size_t zeroed = segment->p_memsz - segment->p_filesz;

    add(batch, start, start + segment->p_filesz + (zeroed < BSS_MOST ? zeroed : BSS_MOST));
}

/* RELRO, which cannot be written any more, is a part of such a segment. */
static int add_object(struct dl_phdr_info *object, size_t size, void *context)
{
    struct batch *batch = context;

    (void)size;
    for (uint32_t i = 0; i < object->dlpi_phnum; i++) {
        if (batch->moved >= FIRST_PAGES_MOST || batch->look_error || batch->move_error)
            return 1;
        if (object->dlpi_phdr[i].p_type == PT_LOAD && (object->dlpi_phdr[i].p_flags & PF_W))
            add_segment(batch, object->dlpi_addr, &object->dlpi_phdr[i]);
    }
    return 0;
}

static void move_static_data(uint32_t node)
{
    struct batch batch = {.node = node};

    dl_iterate_phdr(add_object, &batch);
    flush(&batch);
}

void first_pages_settle(struct thread *thread, uint32_t node)
{
    static bool seen;
    struct batch batch;
    int saved = errno;

    batch.node = node;
    batch.found = batch.left = batch.moved = batch.count = 0;
    batch.look_error = batch.move_error = 0;
    add_stack(&batch);
    add_block(&batch);
    flush(&batch);
    note(thread, &batch);
    if (batch.found && !seen)
        move_static_data(node);
    seen = true;
    errno = saved;
}
