/* Functions of nw_on_relocate() run at safe points, by their thread, once a move; a synthetic registry makes the moves. */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>

#include "check.h"

struct moves {
    int calls;
    struct nw_affinity from, to;
    pthread_t by;
};

static void note(struct nw_affinity from, struct nw_affinity to, void *context)
{
    struct moves *moves = (struct moves *)context;
    moves->calls++;
    moves->from = from;
    moves->to = to;
    moves->by = pthread_self();
    CHECK(nw_safe_point() == 0); /* none within one */
}

static void takes_itself_off(struct nw_affinity from, struct nw_affinity to, void *context)
{
    note(from, to, context);
    CHECK(nw_on_relocate(NULL, context) == 0);
}

static void *follows(void *unused)
{
    (void)unused;
    struct nw_registry *registry;
    struct moves moves, once;
    memset(&moves, 0, sizeof(moves));
    memset(&once, 0, sizeof(once));
    CHECK(nw_registry_open(NW_ALL, 0, "numa:2 core:2 pu:1", &registry) == 0);
    CHECK(nw_registry_take(registry, 0, NULL) == 0);
    CHECK(nw_on_relocate(note, &moves) == 0);
    CHECK(nw_on_relocate(takes_itself_off, &once) == 0);
    CHECK(nw_safe_point() == 0);
    CHECK(nw_registry_take(registry, 3, NULL) == 0);
    CHECK(moves.calls == 1 && moves.from.slot == 0 && moves.to.slot == 3 && moves.to.node == 1);
    CHECK(pthread_equal(moves.by, pthread_self()));
    CHECK(nw_registry_take(registry, 2, NULL) == 0);
    CHECK(moves.calls == 2 && moves.from.slot == 3 && once.calls == 1);
    CHECK(nw_on_relocate(NULL, &moves) == 0);
    CHECK(nw_on_relocate(NULL, &moves) == -ENOENT);
    CHECK(nw_registry_take(registry, 1, NULL) == 0);
    CHECK(moves.calls == 2);
    nw_registry_close(registry);
    return NULL;
}

static void *tracks(void *unused)
{
    (void)unused;
    static char memory[1 << 16];
    CHECK(nw_track(memory, 10) == -EINVAL); /* no whole page */
    CHECK(nw_track(memory, sizeof(memory)) == 0);
    CHECK(nw_track(memory, 0) == 0);
    CHECK(nw_track(memory, 0) == -ENOENT);
    CHECK(nw_track(memory, sizeof(memory)) == 0); /* the thread's end takes it off */
    return NULL;
}

int main(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, follows, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, tracks, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
