#include "shim/worker/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/base/text_writer.h"
#include "shim/place/place.h"
#include "shim/sys/raw.h"
#include "shim/worker/request.h"
#include "shim/worker/worker.h"

#define TASKS       "/proc/self/task"
#define LAST_PAUSE  NS_PER_S
#define LOOKS       2u
#define FIRST_PAUSE (10 * NS_PER_MS) /* by then the thread that the call makes exists */
#define PAUSE       (200 * NS_PER_MS)
#define BUFFER      8192u

static _Atomic uint32_t due;
static _Atomic uint32_t names_due; /* 1: a file of a thread's name was opened for writing */
static _Atomic uint32_t differs;   /* consecutive looks at which the number of threads was not the expected one */
static _Atomic uint32_t beyond;    /* threads that exist without a record, because memory was short */

/* --- tids: an open-addressing table of twice the needed size --- */

struct table {
    uint32_t *numbers;
    uint32_t mask; /* size - 1 */
    uint32_t room;
    size_t size; /* bytes; 0: the table is not open */
};

static uint32_t *place_of(const struct table *table, uint32_t tid)
{
    uint32_t place = tid * 2654435761u & table->mask;
    while (table->numbers[place] && table->numbers[place] != tid)
        place = (place + 1) & table->mask;
    return &table->numbers[place];
}

/* A tid that finds no room, because more threads are made meanwhile, waits for the next sweep. */
static void add_number(struct table *table, uint32_t tid)
{
    uint32_t *place = tid && table->room ? place_of(table, tid) : NULL;
    if (!place || *place)
        return;
    *place = tid;
    table->room--;
}

static bool has_number(const struct table *table, uint32_t tid)
{
    return table->size && *place_of(table, tid) == tid;
}

/* Opens a table for `count` numbers and some more. */
static bool open_table(struct table *table, uint32_t count)
{
    uint32_t size = 1024;
    while (size < 2 * count + 512)
        size *= 2;
    table->numbers = raw_mmap(NULL, size * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (table->numbers == MAP_FAILED)
        return false;
    table->mask = size - 1;
    table->room = size / 2;
    table->size = size * sizeof(uint32_t);
    return true;
}

static void close_table(struct table *table)
{
    if (table->size)
        raw_munmap(table->numbers, table->size);
    *table = (struct table){0};
}

/*
 * The threads without a record at the last sweep. A thread is adopted when it still has none at the next one: a thread
 * that pthread_create is making registers itself by then, and a thread that is exiting is gone. Only the worker, of
 * which there is one, uses this table.
 */
static struct table seen;

/* --- requests --- */

void sweep_soon(void)
{
    int saved = errno;
    if (shim_is_active()) {
        atomic_store(&due, 1);
        worker_wake();
    }
    errno = saved;
}

void sweep_names_soon(void)
{
    atomic_store(&names_due, 1);
    sweep_soon();
}

bool sweep_is_due(void)
{
    return atomic_load_explicit(&due, memory_order_relaxed);
}

void sweep_forked(void)
{
    atomic_store(&due, 0);
    atomic_store(&beyond, 0);
    seen = (struct table){0}; /* not unmapped: the parent's worker may have been changing it during the fork */
}

/*
 * The link count of a folder includes itself, its parent and one for each folder in it. Here each of these is a thread
 * (fs/proc/base.c).
 */
static uint32_t count_threads(void)
{
    struct stat info;
    return raw_lstat(TASKS, &info) == 0 && info.st_nlink > 2 ? (uint32_t)info.st_nlink - 2 : 0;
}

void sweep_look(void)
{
    /* threads that begin or end are counted in one number and not in the other: only a lasting difference matters */
    if (count_threads() == thread_live_count() + worker_count() + atomic_load(&beyond))
        atomic_store(&differs, 0);
    else if (atomic_fetch_add(&differs, 1) + 1 >= LOOKS)
        sweep_soon();
}

/* --- a sweep --- */

static uint32_t number_of(const char *text)
{
    uint64_t number = read_number(&text);
    return *text ? 0 : (uint32_t)number;
}

static bool read_name(uint32_t tid, char ret_name[16])
{
    char path[64] = "", text[32];
    struct text_writer writer = {path, sizeof(path), 0};
    write_text(&writer, TASKS "/");
    write_number(&writer, tid, 0);
    write_text(&writer, "/comm");
    size_t length = facts_read_file(path, text, sizeof(text));
    if (!length)
        return false;
    memset(ret_name, 0, 16);
    memcpy(ret_name, text, strcspn(text, "\n") < 15 ? strcspn(text, "\n") : 15);
    return true;
}

struct visit {
    struct table known, unknown;
    uint32_t own, found, left; /* left: threads that still have no record */
    bool names;                /* look at the names of threads that have one, too */
};

static void note_known(struct thread *thread, void *context)
{
    struct visit *visit = context;
    add_number(&visit->known, atomic_load(&thread->tid));
}

static void note_leaving(uint32_t tid, void *context)
{
    struct visit *visit = context;
    add_number(&visit->known, tid);
}

/* The program may have named the thread through a file of /proc. */
static void look_at_name(uint32_t tid)
{
    const struct thread *thread = thread_find((pid_t)tid);
    char name[16];
    if (thread && read_name(tid, name) && strncmp(thread->name, name, sizeof(name)) != 0)
        place_renamed((pid_t)tid, name);
}

static void look_at(struct visit *visit, uint32_t tid)
{
    char name[16];
    if (visit->names && has_number(&visit->known, tid))
        look_at_name(tid);
    if (!tid || tid == visit->own || has_number(&visit->known, tid) || !read_name(tid, name))
        return;
    visit->found++;
    if (!has_number(&seen, tid))
        add_number(&visit->unknown, tid);
    else if (!place_adopt((pid_t)tid, name))
        visit->left++;
}

/* struct linux_dirent64, see getdents64(2) */
struct entry {
    uint64_t number;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static bool visit_all(struct visit *visit)
{
    _Alignas(8) char buffer[BUFFER];
    int fd = raw_open(TASKS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long count;
    if (fd < 0)
        return false;
    while ((count = raw_call(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0)
        for (long at = 0; at < count;) {
            const struct entry *entry = (const struct entry *)(buffer + at);
            look_at(visit, number_of(entry->name));
            at += entry->length;
        }
    raw_close(fd);
    return count == 0;
}

/* Returns how many threads had no record before. */
static uint32_t sweep(pid_t own, bool names)
{
    struct visit visit = {.own = (uint32_t)own, .names = names};
    place_forget_gone();
    if (open_table(&visit.known, 2 * (thread_live_count() + 256)) && open_table(&visit.unknown, count_threads())) {
        thread_each(note_known, &visit);
        thread_each_leaving(note_leaving, &visit);
        if (visit_all(&visit))
            atomic_store(&beyond, visit.left);
    }
    close_table(&visit.known);
    close_table(&seen);
    seen = visit.unknown;
    return visit.found;
}

void sweep_run(pid_t own)
{
    uint64_t pause = FIRST_PAUSE;
    /* ends when a request arrives, which must not wait until a busy program has no new thread at two sweeps */
    while (worker_goes_on() && !request_is_due() && atomic_exchange(&due, 0)) {
        bool names = atomic_exchange(&names_due, 0);
        worker_pause(pause);
        sweep(own, names);
        /* such threads come in groups: io_uring makes a worker for one request after the other */
        worker_pause(PAUSE);
        if (!worker_goes_on() || sweep(own, names))
            atomic_store(&due, 1);
        pause = LAST_PAUSE;
    }
    close_table(&seen);
}
