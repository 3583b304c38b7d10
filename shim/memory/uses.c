#include "shim/memory/uses.h"

static struct survey_use uses[USES_MOST];
static uint32_t count;

static void add(uint32_t maker, uint32_t user, enum survey_use_kind kind, uint32_t times)
{
    uint32_t at = 0;
    if (!maker || !user)
        return;
    while (at < count && (uses[at].maker != maker || uses[at].user != user || uses[at].kind != (uint32_t)kind))
        at++;
    if (at == USES_MOST)
        return;
    if (at == count)
        uses[count++] = (struct survey_use){.maker = maker, .user = user, .kind = kind};
    uses[at].looks += times;
}

void uses_note(uint32_t maker, uint32_t user)
{
    add(maker, user, SURVEY_WORKS_ON, 1);
}

void uses_shared(uint32_t tid, uint32_t other, uint32_t times)
{
    add(tid, other, SURVEY_SHARES, times);
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
