/* Under the preloaded library a process that sandboxes itself makes no placing call any more: wishes are refused, and say so. */
#include <errno.h>
#include <nodewise.h>
#include <sys/prctl.h>

#include "check.h"

int main(int argc, char **argv)
{
    bool governed = told(argc, argv, "governed");
    enum nw_level level = governed ? NW_NONE : NW_STRICT;
    struct nw_counter *counter;
    struct nw_region region;
    struct nw_pin pin;
    struct nw_got got;
    struct nw_io *io;
    CHECK(nw_governed() == governed);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(!nw_governed());
    cpu_set_t before = own_mask();
    CHECK(nw_pin_push(&pin, "+0", NW_SOFT, &got) == 0);
    CHECK(got.level == level && (!governed || strstr(nw_reason(got.reason), "no_new_privs")));
    CHECK(!governed || same_mask(own_mask(), before));
    CHECK(nw_pin_pop(&pin) == 0 && same_mask(own_mask(), before));
    CHECK(nw_pin_push(&pin, "all", NW_HARD, NULL) == (governed ? -EPERM : 0));
    CHECK(governed || nw_pin_pop(&pin) == 0);
    CHECK(nw_region_map(&region, 1 << 16, NULL) == 0 && region.got.level == level);
    memset(region.start, 1, region.length);
    CHECK(nw_region_unmap(&region) == 0);
    CHECK(nw_counter_open(&counter) == 0);
    nw_counter_add(counter, 3);
    CHECK(nw_counter_sum(counter) == 3);
    nw_counter_close(counter);
    CHECK(!governed || nw_io_open(1, NULL, &io) == -EPERM);
    return 0;
}
