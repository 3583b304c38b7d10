/* report_name: the file of a report from its template in the policy. */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_NAME_H
#define NODEWISE_TOOLS_REPORT_REPORT_NAME_H

#include <stddef.h>

#include "shim/base/segment_layout.h"

/*
 * Replaces {comm}, {pid}, {hostname} and {rank} (the first of RANK, PMI_RANK, OMPI_COMM_WORLD_RANK, SLURM_PROCID
 * that is set, else 0). A '/' inside a value becomes '_', so a program's name cannot lead out of the folder.
 * 0, or -ENAMETOOLONG after a word on stderr.
 */
int report_name(const char *pattern, const struct segment_header *header, char *ret_name, size_t size);

#endif
