#include "shim/worker/survey.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/arena/moving.h"
#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/memory/owned.h"
#include "shim/memory/uses.h"
#include "shim/place/apply.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/sys/write_all.h"
#include "shim/telemetry/store.h"
#include "shim/telemetry/survey_layout.h"

#define BATCH       256u
#define STACK_LOOK  ((size_t)64 << 10) /* of a stack; deeper pages are hardly ever present */
#define STACK_LEAST ((size_t)16 << 10) /* PTHREAD_STACK_MIN: no stack is smaller */

/* The owner of a page: the address of a heap, a tid or a rule, told apart by the low bits. */
static uint64_t key_of_heap(const struct heap *heap)
{
    return (uintptr_t)heap; /* the address is aligned */
}

static uint64_t key_of_tid(uint32_t tid)
{
    return (uint64_t)tid << 2 | 1;
}

static uint64_t key_of_rule(uint32_t rule)
{
    return (uint64_t)rule << 2 | 2;
}

struct entry {
    uint64_t key; /* 0: the entry is free */
    uint64_t row;
};

/*
 * A page is local on the nodes of its row; in a row without nodes, on the node that it was made for. Moved memory
 * (`away`) is also local on any other node than that one.
 */
struct place {
    uint32_t row;
    bool away;
    uint32_t made_on; /* node of an arena, else UINT32_MAX */
};

/* Adjacent pages of one owner. */
struct piece {
    uintptr_t start;
    size_t size;
    enum survey_kind kind;
    struct place place; /* without the row */
};

/*
 * One mapping holds an open-addressing table of twice the needed size, then the header and the rows as they are written
 * to the file.
 */
struct survey {
    struct survey_header *header;
    struct survey_row *rows;
    uint32_t *slots; /* slot of each row, or PLAN_NONE */
    struct entry *entries;
    uint32_t room, mask;
    size_t size;
    bool counts; /* first pass: counts the pages of all pieces */
    uint64_t pages, step, phase;
    int error;
    uint32_t batch;
    void *at[BATCH];
    struct survey_part *part[BATCH];
    struct place place[BATCH];
};

/* --- rows --- */

static struct entry *entry_of(const struct survey *self, uint64_t key)
{
    uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & self->mask;
    while (self->entries[at].key && self->entries[at].key != key)
        at = (at + 1) & self->mask;
    return &self->entries[at];
}

static struct survey_row *add_row(struct survey *self, uint64_t key, struct survey_row row, uint32_t slot)
{
    uint32_t number = self->header->rows;
    if (number == self->room) {
        self->header->left_out++;
        return NULL;
    }
    self->header->rows++;
    self->rows[number] = row;
    self->slots[number] = slot;
    *entry_of(self, key) = (struct entry){key, number};
    return &self->rows[number];
}

static struct survey_row *row_of(const struct survey *self, uint64_t key)
{
    const struct entry *entry = entry_of(self, key);
    return entry->key ? &self->rows[entry->row] : NULL;
}

static struct survey_row *row_of_rule(struct survey *self, uint32_t rule)
{
    struct survey_row *row = row_of(self, key_of_rule(rule));
    return row ? row
               : add_row(self, key_of_rule(rule), (struct survey_row){.rule = rule, .home_node = UINT32_MAX},
                         PLAN_NONE);
}

/*
 * The heap that the thread borrowed last may belong to another thread by now. The thread block that proves it is
 * unknown for main and for adopted threads.
 */
static bool has_borrowed(const struct thread *thread, const struct heap *heap)
{
    return heap->owner && (!thread->thread_pointer || heap->owner == (void *)thread->thread_pointer);
}

/* The slot that says where its memory is to lie. */
static uint32_t slot_of_memory(const struct thread *thread)
{
    return apply_memory_rule(thread) ? (uint32_t)(apply_memory_slot(thread) - shim.plan.slots) : PLAN_NONE;
}

static void add_thread(struct thread *thread, void *context)
{
    struct survey *self = context;
    uint32_t tid = atomic_load(&thread->tid), slot = slot_of_memory(thread);
    const struct heap *heap = atomic_load_explicit(&thread->heap, memory_order_relaxed);
    struct survey_row row = {.tid = tid, .rule = thread->rule, .home_node = thread->home_node};
    struct survey_row *added = tid ? add_row(self, key_of_tid(tid), row, slot) : NULL;
    if (added && heap && has_borrowed(thread, heap))
        *entry_of(self, key_of_heap(heap)) = (struct entry){key_of_heap(heap), (uint64_t)(added - self->rows)};
}

enum verdict { NOT_KNOWN, LOCAL, ELSEWHERE };

static enum verdict judge(const struct survey *self, const struct place *place, uint32_t node)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t slot = self->slots[place->row];
    const struct plan_slot *given = slot < plan->count[PLAN_SLOTS] ? &plan->slots[slot] : NULL;
    if (place->away && node != place->made_on)
        return LOCAL;
    if (given && plan->masks[given->mem_mask].weight)
        return plan_mask_has(plan, given->mem_mask, node) ? LOCAL : ELSEWHERE;
    if (given && given->home_node != PLAN_NONE)
        return given->home_node == node ? LOCAL : ELSEWHERE;
    if (place->made_on == UINT32_MAX)
        return NOT_KNOWN;
    return place->made_on == node ? LOCAL : ELSEWHERE;
}

/* --- the questions to the kernel --- */

static void count(struct survey_part *part, enum verdict verdict)
{
    part->resident++;
    part->judged += verdict != NOT_KNOWN;
    part->local += verdict == LOCAL;
}

static void ask(struct survey *self)
{
    int nodes[BATCH];
    if (!self->batch || self->error)
        return;
    self->error = sys_move_pages(self->batch, self->at, NULL, nodes);
    for (uint32_t i = 0; i < self->batch && !self->error; i++) {
        self->part[i]->asked++;
        self->header->asked++;
        if (nodes[i] >= 0) /* otherwise the page is not present */
            count(self->part[i], judge(self, &self->place[i], (uint32_t)nodes[i]));
    }
    self->batch = 0;
}

/* Samples every step-th page. The rest of a step carries over to the next piece, so small pieces have their share. */
static void look_at(struct survey *self, struct survey_row *row, const struct piece *piece)
{
    uintptr_t from = page_floor(piece->start), end = page_ceiling(piece->start + piece->size);
    uint64_t pages = (end - from) / page_size();
    if (!row)
        return;
    if (self->counts) {
        self->pages += pages;
        return;
    }
    row->parts[piece->kind].bytes += piece->size;
    for (; self->phase < pages && !self->error; self->phase += self->step) {
        self->at[self->batch] = (void *)(from + self->phase * page_size());
        self->part[self->batch] = &row->parts[piece->kind];
        self->place[self->batch] = piece->place;
        self->place[self->batch++].row = (uint32_t)(row - self->rows);
        if (self->batch == BATCH)
            ask(self);
    }
    self->phase -= self->phase < pages ? self->phase : pages;
}

/* --- the owners' memory --- */

static struct survey_row *row_of_maker(struct survey *self, uint64_t key, uint32_t rule)
{
    struct survey_row *row = row_of(self, key);
    return row ? row : row_of_rule(self, rule);
}

static void look_at_region(struct survey *self, struct region *region)
{
    uint32_t end = moving_end(region), rule;
    struct stretch stretch;
    for (uint32_t slice = 0; moving_any(region, &slice, end, &stretch, &rule);) {
        const struct heap *heap = stretch.owner.heap;
        struct piece piece = {stretch.start,
                              stretch.size,
                              heap ? SURVEY_BLOCKS : SURVEY_OBJECTS,
                              {.away = stretch.away, .made_on = region_home(region)}};
        look_at(self, row_of_maker(self, heap ? key_of_heap(heap) : key_of_tid(stretch.owner.tid), rule), &piece);
    }
}

static void look_at_mappings(struct survey *self)
{
    struct big mappings[OWNED_MOST];
    uint32_t count = owned_list(mappings, OWNED_MOST, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rule = mappings[i].rule == UINT16_MAX ? PLAN_NONE : mappings[i].rule;
        struct piece piece = {
            mappings[i].start, mappings[i].size, SURVEY_MAPPINGS, {.away = mappings[i].away, .made_on = UINT32_MAX}};
        look_at(self, row_of_maker(self, key_of_tid(mappings[i].maker), rule), &piece);
    }
}

/* The main thread's stack is not beside its thread block and is left out. */
static void look_at_stack(struct thread *thread, void *context)
{
    struct survey *self = context;
    uintptr_t end = page_floor(thread->thread_pointer) + page_size();
    size_t size = thread->stack_size ? page_floor(thread->stack_size) : STACK_LEAST;
    if (thread->main || !thread->thread_pointer)
        return;
    size = size < STACK_LOOK ? size : STACK_LOOK;
    look_at(self, row_of(self, key_of_tid(atomic_load(&thread->tid))),
            &(struct piece){end - size, size, SURVEY_STACK, {0}});
}

static void look(struct survey *self)
{
    for (uint32_t i = 0; i < region_map.count && !self->error; i++)
        look_at_region(self, &region_list[i]);
    look_at_mappings(self);
    thread_each(look_at_stack, self);
    ask(self);
}

/* --- memory and file of the survey --- */

static bool open_survey(struct survey *self)
{
    uint32_t table = 1024;
    self->room = 2 * thread_live_count() + shim.plan.count[PLAN_RULES] + 64;
    while (table < 4 * self->room) /* two keys for each row */
        table *= 2;
    self->mask = table - 1;
    self->size = table * sizeof(struct entry) + sizeof(struct survey_header) +
                 self->room * (sizeof(struct survey_row) + sizeof(uint32_t));
    char *memory = raw_mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (memory == MAP_FAILED)
        return false;
    self->entries = (struct entry *)memory;
    self->header = (struct survey_header *)(self->entries + table);
    self->rows = (struct survey_row *)(self->header + 1);
    self->slots = (uint32_t *)(self->rows + self->room);
    *self->header = (struct survey_header){.magic = SURVEY_MAGIC, .version = SURVEY_VERSION, .pid = (uint32_t)shim.pid};
    return true;
}

/* The survey: a header with rows behind it, and uses. */
struct answer {
    const struct survey_header *header;
    const struct survey_use *uses;
    size_t first, second; /* bytes of both */
};

static struct answer answer_of(struct survey *self)
{
    struct answer answer = {.header = self->header};
    self->header->uses = uses_list(&answer.uses);
    answer.first = sizeof(*self->header) + self->header->rows * sizeof(*self->rows);
    answer.second = self->header->uses * sizeof(*answer.uses);
    return answer;
}

/* The magic comes last: a command may be looking. */
static bool write_memory(const struct answer *answer)
{
    char *to = store_map_answer(SURVEY_MEMORY_NAME, answer->first + answer->second);
    if (!to)
        return false;
    const size_t magic = sizeof(answer->header->magic);
    memcpy(to + magic, (const char *)answer->header + magic, answer->first - magic);
    if (answer->second)
        memcpy(to + answer->first, answer->uses, answer->second);
    __atomic_store_n((uint64_t *)(void *)to, answer->header->magic, __ATOMIC_RELEASE);
    return true;
}

static bool write_file(const struct answer *answer)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    char name[STORE_NAME_SIZE];
    int folder = store_beside(SURVEY_SUFFIX, name);
    bool written = false;
    if (folder < 0)
        return false;
    raw_unlinkat(folder, name); /* an older survey that no command has read */
    int fd = raw_may_size(answer->first + answer->second) ? raw_openat(folder, name, flags, 0600) : -1;
    if (fd >= 0) {
        written = write_all(fd, answer->header, answer->first) == 0 && write_all(fd, answer->uses, answer->second) == 0;
        raw_close(fd);
    }
    if (!written)
        raw_unlinkat(folder, name);
    raw_close(folder);
    return written;
}

bool survey_write(void)
{
    struct survey self = {.counts = true};
    int saved = errno;
    bool written = false;
    if (open_survey(&self)) {
        thread_each(add_thread, &self);
        look(&self);
        self.counts = false;
        self.step = self.pages / SURVEY_PAGES + 1;
        look(&self);
        if (self.error)
            self.header->rows = 0;
        self.header->error = self.error;
        struct answer answer = answer_of(&self);
        written = store_has_file() ? write_file(&answer) : write_memory(&answer);
        raw_munmap(self.entries, self.size);
    }
    errno = saved;
    return written;
}
