#include "tools/report/report_require.h"

#include <stdio.h>

#include "tools/common/json_fields.h"
#include "tools/report/report_accesses.h"

enum required report_require(const json_t *report, double percent, char *ret_text, size_t size)
{
    const json_t *accesses = json_object_get(report, "accesses");
    double share = locality_of(report, "access_locality");
    long long samples = number_of(accesses, "samples");
    char note[320];
    accesses_note(accesses, note, sizeof(note));
    *ret_text = '\0';
    if (share < 0) {
        snprintf(ret_text, size, "access_locality is not measured, required are %.1f %%: %s", percent, note);
        return REQUIRED_NOT_MEASURED;
    }
    if (samples == 0) { /* known without looking */
        snprintf(ret_text, size, "access_locality is %.1f %%: %s", share * 100, note);
        return share * 100 >= percent ? REQUIRED_HELD : REQUIRED_MISSED;
    }
    if (samples < ACCESS_SAMPLES_LEAST) {
        snprintf(ret_text, size,
                 "access_locality is not measured, required are %.1f %%: %lld samples are too few to judge by", percent,
                 samples);
        return REQUIRED_NOT_MEASURED;
    }
    if (share * 100 >= percent)
        return REQUIRED_HELD;
    snprintf(ret_text, size, "access_locality is %.1f %%, required are %.1f %%: %s", share * 100, percent, note);
    return REQUIRED_MISSED;
}
