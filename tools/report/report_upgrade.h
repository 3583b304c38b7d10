/*
 * report_upgrade: reports that an earlier version of nodewise has written. Pure.
 */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_UPGRADE_H
#define NODEWISE_TOOLS_REPORT_REPORT_UPGRADE_H

#include <jansson.h>
#include <stdbool.h>

#define REPORT_VERSION_OLDEST 2

/*
 * Makes a report of REPORT_VERSION_OLDEST one of this version, with the names of today (page_locality is home_locality)
 * and with nothing known of what was not measured then. A report of this version stays as it is. false: of another one.
 */
bool report_upgrade(json_t *report);

#endif
