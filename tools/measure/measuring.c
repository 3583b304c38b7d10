#include "tools/measure/measuring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/printable.h"
#include "policy/measured.h"
#include "policy/measured_file.h"
#include "tools/common/cli.h"
#include "tools/common/output_file.h"
#include "tools/measure/document.h"
#include "tools/measure/views.h"

/* --- showing --- */

static void write_view(FILE *to, const struct measuring *measuring, const json_t *document)
{
    if (strcmp(measuring->format, "json") == 0)
        print_json(to, json_incref((json_t *)document));
    else if (strcmp(measuring->format, "svg") == 0)
        measure_svg(to, document);
    else
        measure_text(to, document, width_of(to), wants_colour(to));
}

static int show(const struct measuring *measuring, const json_t *document)
{
    FILE *to;
    if (!measuring->output || strcmp(measuring->output, "-") == 0) {
        write_view(stdout, measuring, document);
        return EXIT_OK;
    }
    int error = output_file_open(&to, measuring->output, 0666);
    if (error == 0) {
        write_view(to, measuring, document);
        error = fclose(to) == 0 ? 0 : -errno;
    }
    if (error < 0)
        print_error("%s cannot be written: %s", printable(measuring->output), strerror(-error));
    return error < 0 ? EXIT_MACHINE : EXIT_OK;
}

static int show_file(const struct measuring *measuring)
{
    json_error_t why;
    json_t *document = json_load_file(measuring->file, 0, &why);
    int status = EXIT_BAD_INPUT;
    if (!document && json_error_code(&why) == json_error_cannot_open_file)
        print_error("%s", printable(why.text));
    else if (!document)
        print_error("%s cannot be read: %s", printable(measuring->file), printable(why.text));
    else if (!is_measure_document(document))
        print_error("%s is not what `nodewise topo --measure -f json` writes", printable(measuring->file));
    else
        status = show(measuring, document);
    json_decref(document);
    return status;
}

/* --- saving --- */

static const char *save_trouble(int error)
{
    return error == -EPERM    ? "another user can write to its folder"
           : error == -ENOENT ? "neither XDG_STATE_HOME nor HOME is set"
                              : strerror(-error);
}

static int save_error(const char *path, int error)
{
    print_error("%s cannot be written: %s", path ? printable(path) : "a file of distances", save_trouble(error));
    return EXIT_MACHINE;
}

/* Before minutes of measuring are spent on what cannot be kept. */
static int check_save(const struct topology *topology)
{
    char *path;
    if (topology->node_count < 2) {
        print_error("nothing can be saved: there is one node, and no distance");
        return EXIT_MACHINE;
    }
    int error = measured_file_check(&path);
    int status = error < 0 ? save_error(path, error) : EXIT_OK;
    free(path);
    return status;
}

/* EXIT_OK with the path, malloc'd. */
static int save(char **ret_path, const struct matrix *matrix, const uint32_t *distances)
{
    if (!distances) {
        print_error("nothing is saved: a pair of nodes has no latency, for the reasons that are shown");
        return EXIT_MACHINE;
    }
    char *text = measured_text(matrix->topology, distances, matrix->when);
    int error = text ? measured_file_write(ret_path, text) : -ENOMEM;
    free(text);
    return error < 0 ? save_error(NULL, error) : EXIT_OK;
}

/* --- measuring --- */

static int conclude(const struct measuring *measuring, const struct matrix *matrix)
{
    uint32_t *distances = NULL;
    char *path = NULL;
    int error = matrix_distances(&distances, matrix), saved = EXIT_OK, shown = EXIT_MACHINE;
    if (error == -ENOMEM)
        return EXIT_MACHINE;
    if (measuring->save)
        saved = save(&path, matrix, distances);
    json_t *document = measure_document(matrix, distances, path);
    if (document)
        shown = show(measuring, document);
    json_decref(document);
    free(distances);
    free(path);
    if (shown == EXIT_OK && !matrix_has_samples(matrix)) {
        print_error("nothing was measured, for the reasons that are shown");
        return EXIT_MACHINE;
    }
    return shown != EXIT_OK ? shown : saved;
}

static const char *measure_trouble(int error)
{
    return error == -ELIBACC  ? "libnuma.so.1 is not installed (on Debian: apt install libnuma1)"
           : error == -ENOSYS ? "this kernel knows no memory policies (CONFIG_NUMA), or a filter forbids them"
                              : strerror(-error);
}

static int measure(const struct measuring *measuring, const struct topology *topology)
{
    struct matrix matrix = {.budget = measuring->budget, .all = measuring->all};
    int status = measuring->save ? check_save(topology) : EXIT_OK;
    if (status != EXIT_OK)
        return status;
    int error = matrix_measure(&matrix, topology);
    status = EXIT_MACHINE;
    if (error < 0)
        print_error("nothing can be measured: %s", measure_trouble(error));
    else
        status = conclude(measuring, &matrix);
    matrix_free(&matrix);
    return status;
}

int measuring_run(const struct measuring *measuring)
{
    struct diag_list diags = {0};
    struct topology *topology = NULL;
    int status = EXIT_MACHINE;
    if (measuring->file)
        return show_file(measuring);
    if (topology_load(&topology, NULL, &diags) == 0)
        status = measure(measuring, topology);
    diag_print(stderr, &diags, NULL, (struct print_style){.colour = wants_colour(stderr)});
    topology_free(topology);
    diag_list_free(&diags);
    return status;
}
