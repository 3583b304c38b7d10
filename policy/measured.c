#include "policy/measured.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/measured_file.h"

#define FIRST_LINE "nodewise-distances 1\n"
#define TIME_SHAPE "0000-00-00T00:00:00Z"

bool distances_are_flat(const struct topology *topology)
{
    size_t n = topology->node_count;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++)
            if (a != b && topology->distances[a * n + b] != topology->distances[1])
                return false;
    return true;
}

/* --- writing --- */

static int write_machine(FILE *to, const struct topology *topology)
{
    fprintf(to, FIRST_LINE "model %s\n", topology->cpu_model);
    for (size_t i = 0; i < topology->node_count; i++) {
        char *cpus = cpuset_to_string(&topology->nodes[i].cpus);
        if (!cpus)
            return -ENOMEM;
        fprintf(to, "node %u cpus %s\n", topology->nodes[i].id, cpus);
        free(cpus);
    }
    return 0;
}

static void write_distances(FILE *to, const struct topology *topology, const uint32_t *distances, const char *when)
{
    size_t n = topology->node_count;
    fprintf(to, "measured %s\n", when);
    for (size_t i = 0; i < n * n; i++)
        fprintf(to, "%u%c", distances[i], (i + 1) % n ? ' ' : '\n');
}

/* distances NULL: only what they hold for. */
static char *text_for(const struct topology *topology, const uint32_t *distances, const char *when)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    int error = write_machine(to, topology);
    if (error == 0 && distances)
        write_distances(to, topology, distances, when);
    if (fclose(to) == 0 && error == 0)
        return text;
    free(text);
    return NULL;
}

char *measured_text(const struct topology *topology, const uint32_t *distances, const char *when)
{
    return text_for(topology, distances, when);
}

/* --- reading --- */

static bool is_time(const char *text)
{
    for (size_t i = 0; i < strlen(TIME_SHAPE); i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (TIME_SHAPE[i] == '0' ? !digit : text[i] != TIME_SHAPE[i])
            return false;
    }
    return true;
}

/* A number of three digits at most, and the character behind it. NULL: it is something else. */
static const char *read_distance(uint32_t *ret_distance, const char *text, char end)
{
    uint32_t value = 0;
    size_t digits = 0;
    for (; digits < 4 && text[digits] >= '0' && text[digits] <= '9'; digits++)
        value = 10 * value + (uint32_t)(text[digits] - '0');
    if (digits == 0 || digits > 3 || text[digits] != end)
        return NULL;
    *ret_distance = value;
    return text + digits + 1;
}

static bool is_sound(uint32_t distance, bool own)
{
    if (own)
        return distance == 10;
    return distance == MEASURED_NONE || (distance >= MEASURED_LEAST && distance <= MEASURED_MOST);
}

static int read_table(uint32_t *ret_distances, size_t n, const char *text)
{
    for (size_t i = 0; i < n * n; i++) {
        text = read_distance(&ret_distances[i], text, (i + 1) % n ? ' ' : '\n');
        if (!text || !is_sound(ret_distances[i], i / n == i % n))
            return -EPROTO;
    }
    return *text ? -EPROTO : 0;
}

/* What stands behind the machine. */
static int read_measured(uint32_t *ret_distances, char ret_when[TOPOLOGY_TIME], size_t n, const char *text)
{
    static const char word[] = "measured ";
    if (strncmp(text, "node ", strlen("node ")) == 0)
        return -ESTALE; /* one that is not here */
    if (strncmp(text, word, strlen(word)) != 0 || !is_time(text + strlen(word)))
        return -EPROTO;
    const char *when = text + strlen(word), *table = when + strlen(TIME_SHAPE);
    int error = *table == '\n' ? read_table(ret_distances, n, table + 1) : -EPROTO;
    if (error == 0)
        snprintf(ret_when, TOPOLOGY_TIME, "%.*s", (int)strlen(TIME_SHAPE), when);
    return error;
}

int measured_read(uint32_t *ret_distances, char ret_when[TOPOLOGY_TIME], const struct topology *topology,
                  const char *text)
{
    size_t n = topology->node_count;
    char *machine = text_for(topology, NULL, NULL);
    uint32_t *distances = malloc((n * n + 1) * sizeof(*distances));
    int error = machine && distances ? 0 : -ENOMEM;
    if (error == 0 && strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0)
        error = -EPROTO;
    if (error == 0 && strncmp(text, machine, strlen(machine)) != 0)
        error = -ESTALE;
    if (error == 0)
        error = read_measured(distances, ret_when, n, text + strlen(machine));
    if (error == 0)
        memcpy(ret_distances, distances, n * n * sizeof(*distances));
    free(machine);
    free(distances);
    return error;
}

/* --- taking --- */

static int take_text(struct topology *topology, const char *text)
{
    size_t n = topology->node_count;
    uint32_t *distances = malloc((n * n + 1) * sizeof(*distances));
    int error = distances ? measured_read(distances, topology->measured.when, topology, text) : -ENOMEM;
    if (error == 0 && !topology->distances_assumed && !distances_are_flat(topology)) {
        topology->measured.when[0] = '\0';
        error = -EEXIST;
    }
    for (size_t i = 0; error == 0 && i < n * n; i++)
        if (distances[i] != MEASURED_NONE)
            topology->distances[i] = distances[i];
    topology->distances_assumed &= error < 0;
    free(distances);
    return error;
}

/* The user's own goes before root's. What is told of is the first that is there, unless a later one serves. */
int measured_take(struct topology *topology)
{
    struct measured_state *state = &topology->measured;
    for (unsigned place = 0; place < MEASURED_PLACES && topology->node_count > 1; place++) {
        char *path, *text = NULL;
        if (measured_file_path(&path, place) < 0)
            continue;
        int error = measured_file_read(&text, path);
        if (error == 0)
            error = take_text(topology, text);
        free(text);
        if (error == -ENOENT || (error < 0 && state->file)) {
            free(path);
            continue;
        }
        free(state->file);
        state->file = path;
        state->error = error;
        if (error == 0 || error == -ENOMEM)
            return error;
    }
    return 0;
}
