/* Takes any slot of all; says "ready"; ends at the end of its input. Its name is that of its thread. */
#include <nodewise.h>

#include "check.h"

int main(void)
{
    struct nw_registry *registry = NULL;
    struct nw_got got;
    CHECK(nw_registry_open(NW_ALL, 0, NULL, &registry) == 0);
    CHECK(nw_registry_take(registry, NW_ANY_SLOT, &got) == 0);
    CHECK(got.level == NW_STRICT);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    nw_registry_close(registry);
    return 0;
}
