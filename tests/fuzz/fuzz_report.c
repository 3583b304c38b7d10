/* Bytes as a report file that somebody edited: every view of it, and the plan for its threads. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "tools/learn/groups.h"
#include "tools/picture/page_html.h"
#include "tools/picture/scene.h"
#include "tools/prepare/plan_from.h"
#include "tools/report/report_measures.h"
#include "tools/report/report_require.h"
#include "tools/report/report_text.h"
#include "tools/report/report_upgrade.h"
#include "tools/report/report_verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(FILE *to, const json_t *report)
{
    struct scene scene;
    if (scene_make(&scene, "report", report) < 0)
        return;
    scene_text(to, &scene, 80, true);
    scene_svg(to, &scene);
    scene_free(&scene);
}

static void plan_for(const json_t *report)
{
    struct process_facts process = plan_from_process(report);
    struct thread_list list;
    if (thread_list_init(&list, &process) == 0)
        plan_from_report(&list, report);
    thread_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *to;
    struct measure measures[MEASURES];
    char text[512];
    json_t *report = json_loadb((const char *)data, size, 0, NULL);
    if (!to && !(to = fopen("/dev/null", "we")))
        abort();
    if (json_is_object(report)) {
        report_text(to, report, REPORT_FULL);
        page_report(to, report);
        page_plan(to, report);
        draw(to, report);
        report_measure(report, measures);
        plan_for(report);
        report_judge(report);
        report_require(report, 50, text, sizeof(text));
        report_text(to, report, REPORT_FULL);
        report_upgrade(report);
    }
    json_decref(report);
    return 0;
}
