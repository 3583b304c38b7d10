#include "shim/telemetry/accesses.h"

#include <stddef.h>

#include "shim/telemetry/room.h"
#include "shim/telemetry/segment.h"

void accesses_publish(const struct segment_seen *totals)
{
    struct segment_header *header = segment_mapped();
    if (!header)
        return;
    struct segment_seen *to = segment_table(header, SEGMENT_SEEN_TABLE);
    if (room_has(to, sizeof(*to)))
        *to = *totals; /* a reader may see parts of two states, which differ by a window */
}
