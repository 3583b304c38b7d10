#include "tools/report/report_upgrade.h"

#include "tools/common/json_fields.h"
#include "tools/report/report_json.h"
#include "tools/report/report_verdict.h"

#define DEPTH_MOST 16u /* of objects within objects; reports have 4 */

/* Of a document that may have been edited by hand, all objects at whatever depth. */
static void rename_in(json_t *value, const char *from, const char *to, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t index;
    if (depth == DEPTH_MOST)
        return;
    json_array_foreach(value, index, member)
        rename_in(member, from, to, depth + 1);
    json_object_foreach(value, key, member)
        rename_in(member, from, to, depth + 1);
    member = json_object_get(value, from);
    if (!member)
        return;
    json_object_set(value, to, member);
    json_object_del(value, from);
}

bool report_upgrade(json_t *report)
{
    long long version = number_of(report, "nodewise_report");
    if (version == REPORT_VERSION)
        return true;
    if (version != REPORT_VERSION_OLDEST)
        return false;
    rename_in(report, "page_locality", "home_locality", 0);
    json_object_set_new(
        report, "accesses",
        json_pack("{s:s}", "reason", "the report is of a version of nodewise that did not sample them"));
    json_object_set_new(report, "nodewise_report", json_integer(REPORT_VERSION));
    report_judge(report);
    return true;
}
