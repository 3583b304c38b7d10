/* document: what was measured between nodes, as JSON: what `topo --measure -f json` prints, and views are made from. */
#ifndef NODEWISE_TOOLS_MEASURE_DOCUMENT_H
#define NODEWISE_TOOLS_MEASURE_DOCUMENT_H

#include <jansson.h>

#include "tools/measure/matrix.h"

/* distances: NULL where they are not known. saved: the file that has them now, or NULL. NULL: no memory. */
json_t *measure_document(const struct matrix *matrix, const uint32_t *distances, const char *saved);
/* Is it such a document? Fields of it may be missing or odd all the same. */
bool is_measure_document(const json_t *document);

#endif
