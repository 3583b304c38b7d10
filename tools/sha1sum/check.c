#include "tools/sha1sum/check.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "policy/grow.h"
#include "tools/common/cli.h"
#include "tools/sha1sum/line.h"
#include "tools/sha1sum/ordered.h"

struct entry {
    struct job job; /* the first, so that a job is its entry */
    struct digest wanted;
    char *text;
};

struct list {
    const char *name;
    const struct check_options *options;
    enum line_form *form;
    struct entry *entries;
    size_t count, room;
    uintmax_t malformed, unreadable, wrong, right;
};

/* --- the list --- */

static bool add(struct list *list, char *line, bool is_input)
{
    struct entry entry = {.text = line};
    char *name;
    if (!line_parse(line, list->form, &name, &entry.wanted) || (is_input && strcmp(name, "-") == 0))
        return false;
    struct entry *entries = grow(list->entries, &list->room, list->count, sizeof(*entries));
    if (!entries) {
        print_error("out of memory");
        exit(EXIT_NO);
    }
    list->entries = entries;
    entry.job.name = name;
    list->entries[list->count++] = entry;
    return true;
}

static void read_lines(struct list *list, FILE *from, bool is_input)
{
    char *line = NULL;
    size_t size = 0;
    uintmax_t number = 0;
    for (ssize_t length; (length = getline(&line, &size, from)) > 0;) {
        number++;
        if (line[0] == '#')
            continue;
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        if (add(list, line, is_input)) {
            line = NULL; /* the entry's */
            size = 0;
            continue;
        }
        list->malformed++;
        if (list->options->warn)
            print_error("%s: %ju: improperly formatted SHA1 checksum line", printable(list->name), number);
    }
    free(line);
}

/* false: it cannot be read, which was said. */
static bool read_list(struct list *list)
{
    bool is_input = strcmp(list->name, "-") == 0;
    FILE *from = is_input ? stdin : fopen(list->name, "re");
    if (!from) {
        print_error("%s: %s", printable(list->name), strerror(errno));
        return false;
    }
    read_lines(list, from, is_input);
    bool failed = ferror(from);
    if (failed)
        print_error("%s: read error", printable(list->name));
    if (!is_input)
        fclose(from);
    return !failed;
}

/* --- the files --- */

/* A backslash alone needs no escape here. */
static void say(const char *name, const char *word)
{
    bool escaped = strchr(name, '\n') != NULL;
    if (escaped) {
        putchar('\\');
        line_print_name(stdout, name);
    } else {
        fputs(name, stdout);
    }
    printf(": %s\n", word);
}

static void judge(void *context, struct job *job)
{
    struct list *list = context;
    const struct check_options *options = list->options;
    const struct entry *entry = (const struct entry *)job;
    if (job->error == -ENOENT && options->ignore_missing)
        return;
    if (job->error) {
        list->unreadable++;
        print_error("%s: %s", printable(job->name), strerror(-job->error));
        if (!options->status)
            say(job->name, "FAILED open or read");
        return;
    }
    bool same = memcmp(&job->digest, &entry->wanted, sizeof(entry->wanted)) == 0;
    *(same ? &list->right : &list->wrong) += 1;
    if (!options->status && !(same && options->quiet))
        say(job->name, same ? "OK" : "FAILED");
}

static void warn(uintmax_t count, const char *one, const char *many)
{
    if (count)
        print_error("WARNING: %ju %s", count, count == 1 ? one : many);
}

static bool sum_up(const struct list *list)
{
    const struct check_options *options = list->options;
    const char *name = printable(list->name);
    if (!list->count) {
        print_error("%s: no properly formatted SHA1 checksum lines found", name);
        return false;
    }
    if (!options->status) {
        warn(list->malformed, "line is improperly formatted", "lines are improperly formatted");
        warn(list->unreadable, "listed file could not be read", "listed files could not be read");
        warn(list->wrong, "computed checksum did NOT match", "computed checksums did NOT match");
        if (options->ignore_missing && !list->right)
            print_error("%s: no file was verified", name);
    }
    return list->right && !list->wrong && !list->unreadable && !(options->strict && list->malformed);
}

bool check(const char *name, enum line_form *form, const struct check_options *options)
{
    struct list list = {.name = name, .form = form, .options = options};
    struct ordered ordered;
    bool good = read_list(&list);
    if (good) {
        ordered_begin(&ordered, list.count, judge, &list);
        for (size_t i = 0; i < list.count; i++)
            ordered_add(&ordered, &list.entries[i].job);
        ordered_end(&ordered);
        good = sum_up(&list);
    }
    for (size_t i = 0; i < list.count; i++)
        free(list.entries[i].text);
    free(list.entries);
    return good;
}
