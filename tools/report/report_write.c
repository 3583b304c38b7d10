#include "tools/report/report_write.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shim/base/own_file.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/picture/page_html.h"
#include "tools/picture/scene.h"
#include "tools/report/report_text.h"

static const char *const endings[FORMAT_COUNT] = {
    [FORMAT_JSON] = ".json", [FORMAT_TEXT] = ".txt", [FORMAT_HTML] = ".html", [FORMAT_SVG] = ".svg"};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

enum report_format format_of_name(const char *path)
{
    for (unsigned format = 0; format < FORMAT_COUNT; format++)
        if (ends_with(path, endings[format]))
            return format;
    return FORMAT_TEXT;
}

static int write_picture(FILE *to, const json_t *report)
{
    struct scene scene;
    char title[128];
    snprintf(title, sizeof(title), "%s: %s", text_of(json_object_get(report, "process"), "comm"),
             text_of(json_object_get(report, "verdict"), "text"));
    int error = scene_make(&scene, title, report);
    if (error < 0) {
        print_error("there is nothing to draw: %s",
                    error == -ENODATA ? "the plan was not readable when the report was made" : strerror(-error));
        return EXIT_NO;
    }
    scene_svg(to, &scene);
    scene_free(&scene);
    return EXIT_OK;
}

int report_write(FILE *to, const json_t *report, enum report_format format, enum report_depth depth)
{
    switch (format) {
    case FORMAT_JSON:
        return print_json(to, json_incref((json_t *)report));
    case FORMAT_HTML:
        page_report(to, report);
        return EXIT_OK;
    case FORMAT_SVG:
        return write_picture(to, report);
    default:
        report_text(to, report, depth);
        return EXIT_OK;
    }
}

int report_write_file(const char *path, const json_t *report, enum report_format format, enum report_depth depth)
{
    int fd = own_file_open(path, 0, 0640, geteuid()), status = EXIT_NO;
    int error = fd < 0 ? fd : ftruncate(fd, 0) == 0 ? 0 : -errno;
    FILE *to = error == 0 ? fdopen(fd, "w") : NULL;
    if (error == 0 && !to)
        error = -errno;
    if (to) {
        status = report_write(to, report, format, depth);
        error = fclose(to) == 0 ? 0 : -errno;
    } else if (fd >= 0) {
        close(fd);
    }
    if (error == 0)
        return status;
    print_error("the report %s cannot be written: %s", path, strerror(-error));
    return EXIT_NO;
}

int report_write_formats(const char *path, const json_t *report, uint32_t formats, enum report_depth depth)
{
    enum report_format named = format_of_name(path);
    bool single = formats && (formats & (formats - 1)) == 0;
    int status = EXIT_OK;
    if (single) /* one format: the name is the file's, whatever it looks like */
        return report_write_file(path, report, (enum report_format)__builtin_ctz(formats), depth);
    if (!formats)
        return report_write_file(path, report, named, depth);
    for (unsigned format = 0; format < FORMAT_COUNT && status == EXIT_OK; format++) {
        char other[4300];
        if (!(formats & (1u << format)))
            continue;
        snprintf(other, sizeof(other), "%s%s", path, format == named ? "" : endings[format]);
        status = report_write_file(other, report, format, depth);
    }
    return status;
}
