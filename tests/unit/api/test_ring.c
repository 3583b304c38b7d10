/* A ring whose other side may be hostile: positions and lengths that no writer and no reader leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/api/exchange/ring.h"

#include <errno.h>
#include <stdlib.h>

struct both {
    struct ring *ring;
    struct ring_writer writer;
    struct ring_reader reader;
};

/* In memory that ends where the ring does, so that a sanitizer sees a step beyond it. */
static struct both make(uint32_t message_size, uint32_t room)
{
    struct both both;
    struct ring_shape shape;
    assert_int_equal(ring_shape_of(message_size, room, &shape), 0);
    size_t bytes = (ring_bytes(&shape) + 127) & ~(size_t)127;
    both.ring = aligned_alloc(128, bytes);
    assert_non_null(both.ring);
    memset(both.ring, 0, bytes);
    ring_write_from(&both.writer, both.ring, &shape);
    ring_read_from(&both.reader, both.ring, &shape);
    return both;
}

static bool put(struct both *both, const void *data, uint32_t length)
{
    uint64_t bytes = ring_record(&both->writer.shape, length);
    if (!bytes || !ring_has_room(&both->writer, bytes))
        return false;
    memcpy(ring_begin(&both->writer, length, bytes), data, length);
    ring_end(&both->writer);
    ring_publish(&both->writer);
    return true;
}

static void shapes_that_are_none_are_refused(void **state)
{
    struct ring_shape shape;
    (void)state;
    assert_int_equal(ring_shape_of(8, 0, &shape), -EINVAL);
    assert_int_equal(ring_shape_of(0, 7, &shape), -EINVAL);
    assert_int_equal(ring_shape_of(UINT32_MAX, UINT32_MAX, &shape), -EINVAL);
    assert_int_equal(ring_shape_of(1 << 20, 1025, &shape), -EINVAL);
    assert_int_equal(ring_shape_of(1 << 20, 1024, &shape), 0);
}

static void what_goes_in_comes_out_in_its_order(void **state)
{
    struct both both = make(0, 64);
    struct ring_message message;
    unsigned char sent = 0, received = 0;
    (void)state;
    for (unsigned turn = 0; turn < 1000; turn++) {
        unsigned char bytes[56];
        memset(bytes, sent, sizeof(bytes));
        while (put(&both, bytes, 1 + sent % 56u))
            memset(bytes, ++sent, sizeof(bytes));
        while (ring_read(&both.reader, &message) == 0) {
            assert_int_equal(message.length, 1 + received % 56u);
            for (uint32_t i = 0; i < message.length; i++)
                assert_int_equal(((const unsigned char *)message.data)[i], received);
            ring_give_back(&both.reader);
            received++;
        }
        assert_int_equal(received, sent);
    }
    free(both.ring);
}

/* The writer has left that as its position. */
static void positions_that_no_writer_leaves_are_told(void **state)
{
    static const uint64_t tails[] = {65, 68, 72, 128, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7};
    struct ring_message message;
    (void)state;
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        struct both both = make(8, 8);
        atomic_store(&both.ring->tail, tails[i]);
        assert_int_equal(ring_read(&both.reader, &message), -EBADMSG);
        free(both.ring);
    }
}

static void a_position_that_goes_back_is_told(void **state)
{
    struct both both = make(8, 8);
    struct ring_message message;
    (void)state;
    assert_true(put(&both, "message", 8) && put(&both, "message", 8));
    assert_int_equal(ring_read(&both.reader, &message), 0);
    ring_give_back(&both.reader);
    assert_int_equal(ring_read(&both.reader, &message), 0);
    ring_give_back(&both.reader);
    atomic_store(&both.ring->tail, 8);
    assert_int_equal(ring_read(&both.reader, &message), -EBADMSG);
    free(both.ring);
}

/* The writer has written that as a length, and published no more than 16 bytes. */
static void lengths_beyond_what_is_published_are_told(void **state)
{
    static const uint64_t lengths[] = {9, 56, 57, 64, 1 << 20, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    struct ring_message message;
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        struct both both = make(0, 64);
        memcpy(both.ring->data, &lengths[i], sizeof(lengths[i]));
        atomic_store(&both.ring->tail, 16);
        assert_int_equal(ring_read(&both.reader, &message), -EBADMSG);
        free(both.ring);
    }
}

/* The reader has left that as its position: it is taken for no room. */
static void positions_that_no_reader_leaves_give_no_room(void **state)
{
    static const uint64_t heads[] = {24, 17, UINT64_MAX, UINT64_C(1) << 63};
    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        struct both both = make(8, 2);
        assert_true(put(&both, "message", 8) && put(&both, "message", 8));
        atomic_store(&both.ring->head, heads[i]);
        assert_false(put(&both, "message", 8));
        free(both.ring);
    }
    struct both both = make(8, 2);
    assert_true(put(&both, "message", 8) && put(&both, "message", 8));
    atomic_store(&both.ring->head, 8);
    assert_true(put(&both, "message", 8));
    atomic_store(&both.ring->head, 0); /* back */
    assert_false(put(&both, "message", 8));
    free(both.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_that_are_none_are_refused),
        cmocka_unit_test(what_goes_in_comes_out_in_its_order),
        cmocka_unit_test(positions_that_no_writer_leaves_are_told),
        cmocka_unit_test(a_position_that_goes_back_is_told),
        cmocka_unit_test(lengths_beyond_what_is_published_are_told),
        cmocka_unit_test(positions_that_no_reader_leaves_give_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
