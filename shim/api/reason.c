/* What the numbers of reasons mean, and whether the plan governs the process. */
#include "shim/nodewise.h"

#include "policy/reason.h"
#include "shim/api/library.h"

API const char *nw_reason(uint16_t reason)
{
    return reason < REASON_COUNT ? reason_text(reason) : "unknown";
}

API bool nw_governed(void)
{
    const struct nodewise_door *door = library_door();
    return door && DOOR_HAS(door, governs) && door->governs();
}
