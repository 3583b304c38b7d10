#include "tools/segment/targets.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/grow.h"
#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/segment/segments.h"

#define NAME_MOST 256u

/* What a word is looked up in, and what is found. */
struct lookup {
    struct targets found;
    size_t room;
    char process[NAME_MOST]; /* before the '/' */
    const char *thread;      /* behind it; NULL: none */
    bool has_hit, failed;    /* the word means something; no memory */
};

static void add(struct lookup *lookup, pid_t pid, pid_t tid)
{
    struct targets *found = &lookup->found;
    lookup->has_hit = true;
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].pid == pid && found->items[i].tid == tid)
            return;
    struct target *items = grow(found->items, &lookup->room, found->count, sizeof(*items));
    if (!items) {
        lookup->failed = true;
        return;
    }
    found->items = items;
    found->items[found->count++] = (struct target){pid, tid};
}

static int by_number(const struct dirent **one, const struct dirent **other)
{
    pid_t first = parse_pid((*one)->d_name), second = parse_pid((*other)->d_name);
    return first < second ? -1 : first > second;
}

static bool thread_is_called(pid_t pid, const char *tid, const char *name)
{
    char path[64], comm[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%.16s/comm", (int)pid, tid);
    return read_line(path, comm, sizeof(comm)) && fnmatch(name, comm, 0) == 0;
}

static void add_threads_called(struct lookup *lookup, pid_t pid)
{
    char path[64];
    struct dirent **entries = NULL;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    int count = scandir(path, &entries, NULL, by_number);
    for (int i = 0; i < count; i++) {
        if (parse_pid(entries[i]->d_name) && thread_is_called(pid, entries[i]->d_name, lookup->thread))
            add(lookup, pid, parse_pid(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

/* Its comm, which the kernel cuts at 15 bytes, or the file's name in what it calls itself: "nginx: worker" is nginx. */
static bool process_is_called(pid_t pid, const char *name)
{
    char path[64], text[NAME_MOST];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    if (read_line(path, text, sizeof(text)) && fnmatch(name, text, 0) == 0)
        return true;
    process_title(pid, text, sizeof(text));
    text[strcspn(text, " ")] = '\0';
    size_t length = strlen(text);
    if (length && text[length - 1] == ':')
        text[length - 1] = '\0';
    const char *base = strrchr(text, '/');
    return *text && fnmatch(name, base ? base + 1 : text, 0) == 0;
}

static void visit_governed(void *context, const struct segment_file *file)
{
    struct lookup *lookup = context;
    pid_t tid = lookup->thread ? parse_pid(lookup->thread) : 0;
    if (!process_is_called(file->pid, lookup->process))
        return;
    if (lookup->thread && !tid)
        add_threads_called(lookup, file->pid);
    else if (!tid || process_of_thread(tid) == file->pid)
        add(lookup, file->pid, tid);
}

static void look_up_number(struct lookup *lookup, pid_t number)
{
    pid_t of = process_of_thread(number), tid = lookup->thread ? parse_pid(lookup->thread) : 0;
    if (lookup->thread && !tid)
        add_threads_called(lookup, number);
    else if (lookup->thread || !of || of == number)
        add(lookup, number, tid);
    else
        add(lookup, of, number);
}

static int say_what_is_missing(const struct lookup *lookup)
{
    if (lookup->failed) {
        print_error("out of memory");
        return EXIT_MACHINE;
    }
    if (lookup->thread)
        print_error("no process %s that runs under a policy has a thread %s", lookup->process, lookup->thread);
    else
        print_error("no process that runs under a policy is called \"%s\"; `nodewise ps` lists them", lookup->process);
    return EXIT_NO_PROCESS;
}

static int look_up(struct lookup *lookup, const char *word)
{
    const char *slash = strrchr(word, '/');
    size_t length = slash ? (size_t)(slash - word) : strlen(word);
    snprintf(lookup->process, sizeof(lookup->process), "%.*s", (int)length, word);
    lookup->thread = slash ? slash + 1 : NULL;
    lookup->has_hit = false;
    pid_t number = parse_pid(lookup->process);
    if (number)
        look_up_number(lookup, number);
    else if (segment_each(visit_governed, lookup) < 0)
        lookup->failed = true;
    return lookup->has_hit && !lookup->failed ? EXIT_OK : say_what_is_missing(lookup);
}

int targets_find(struct targets *ret_targets, const char *verb, char *const *words, size_t count)
{
    struct lookup lookup = {0};
    int status = EXIT_OK;
    if (count == 0)
        return usage_error(verb, "give processes or threads: their ids or names, PROCESS/THREAD for one thread");
    for (size_t i = 0; i < count && status == EXIT_OK; i++)
        status = look_up(&lookup, words[i]);
    if (status == EXIT_OK)
        *ret_targets = lookup.found;
    else
        targets_free(&lookup.found);
    return status;
}

void targets_free(struct targets *targets)
{
    free(targets->items);
    *targets = (struct targets){0};
}

int targets_view(const char *verb, char *const *words, size_t count, bool apart,
                 int (*view)(void *context, const struct target *target), void *context)
{
    struct targets targets;
    int worst = targets_find(&targets, verb, words, count);
    if (worst != EXIT_OK)
        return worst;
    for (size_t i = 0; i < targets.count; i++) {
        if (i && apart)
            putchar('\n');
        int status = view(context, &targets.items[i]);
        worst = status > worst ? status : worst;
    }
    targets_free(&targets);
    return worst;
}
