#include "tools/tune/seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/process.h"
#include "tools/common/read_file.h"
#include "tools/tune/children.h"

#define MAPS_EVERY 4u /* looks: reading them costs the program time */

static void read_words(pid_t pid, const char *name, char *ret_text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    size_t length = read_start(path, ret_text, size);
    for (size_t i = 0; i + 1 < length; i++)
        if (ret_text[i] == '\0')
            ret_text[i] = ' ';
    if (length && ret_text[length - 1] == '\n')
        ret_text[length - 1] = '\0';
}

static void look_at_program(struct seen *seen, pid_t pid)
{
    char path[64];
    struct process_users users;
    struct seen_program *program = &seen->programs[seen->program_count];
    if (seen->program_count == SEEN_PROGRAMS)
        return;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(path, program->exe, sizeof(program->exe) - 1);
    program->exe[length > 0 ? length : 0] = '\0';
    read_words(pid, "comm", program->comm, sizeof(program->comm));
    read_words(pid, "cmdline", program->argv, sizeof(program->argv));
    program->uid = process_users(pid, &users) == 0 ? users.effective : (unsigned)-1;
    if (length <= 0)
        return;
    for (size_t i = 0; i < seen->program_count; i++)
        if (strcmp(seen->programs[i].exe, program->exe) == 0 && strcmp(seen->programs[i].comm, program->comm) == 0)
            return;
    seen->program_count++;
}

static void add_library(struct seen *seen, const char *path)
{
    for (size_t i = 0; i < seen->library_count; i++)
        if (strcmp(seen->libraries[i], path) == 0)
            return;
    char *copy = seen->library_count < SEEN_LIBRARIES ? strdup(path) : NULL;
    if (copy)
        seen->libraries[seen->library_count++] = copy;
}

static void look_at_libraries(struct seen *seen, pid_t pid)
{
    char path[64], *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && getline(&line, &size, file) > 0) {
        char *name = strchr(line, '/');
        if (!name || !strstr(line, " r-xp "))
            continue;
        name[strcspn(name, "\n")] = '\0';
        add_library(seen, name);
    }
    free(line);
    if (file)
        fclose(file);
}

void seen_look(void *context)
{
    struct seen *seen = context;
    pid_t pids[CHILDREN_MOST];
    size_t count = children_list(pids);
    bool maps = seen->looks++ % MAPS_EVERY == 0;
    for (size_t i = 0; i < count; i++) {
        look_at_program(seen, pids[i]);
        if (maps)
            look_at_libraries(seen, pids[i]);
    }
}

void seen_free(struct seen *seen)
{
    for (size_t i = 0; i < seen->library_count; i++)
        free(seen->libraries[i]);
    seen->library_count = seen->program_count = 0;
}

struct process_facts seen_facts(const struct seen_program *program)
{
    return (struct process_facts){
        .exe = program->exe, .comm = program->comm, .argv = program->argv, .index = PLAN_NONE, .uid = program->uid};
}
