#include "shim/memory/uses.h"

static struct survey_use uses[USES_MOST];
static uint32_t count;

void uses_note(uint32_t maker, uint32_t user)
{
    uint32_t at = 0;
    if (!maker || !user)
        return;
    while (at < count && (uses[at].maker != maker || uses[at].user != user))
        at++;
    if (at == USES_MOST)
        return;
    if (at == count)
        uses[count++] = (struct survey_use){.maker = maker, .user = user};
    uses[at].looks++;
}

uint32_t uses_list(const struct survey_use **ret_uses)
{
    *ret_uses = uses;
    return count;
}

void uses_forked(void)
{
    count = 0;
}
