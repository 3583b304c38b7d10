/* What a picture shows of a machine, by its size and by the threads on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/picture/scene.h"

/* --- documents --- */

static json_t *range(unsigned first, unsigned count)
{
    return count == 1 ? json_sprintf("%u", first) : json_sprintf("%u-%u", first, first + count - 1);
}

static json_t *node_of(unsigned id, unsigned caches, unsigned cores, unsigned threads)
{
    unsigned cpus = caches * cores * threads, first = id * cpus;
    json_t *list = json_array();
    for (unsigned i = 0; i < caches; i++) {
        json_t *in = json_array();
        unsigned begin = first + i * cores * threads;
        for (unsigned k = 0; k < cores; k++)
            json_array_append_new(in, range(begin + k * threads, threads));
        json_array_append_new(list, json_pack("{s:i, s:o, s:o}", "id", (int)(id * caches + i), "cpus",
                                              range(begin, cores * threads), "cores", in));
    }
    return json_pack("{s:i, s:I, s:o, s:o, s:o}", "id", (int)id, "memory_bytes", (json_int_t)1 << 30, "sockets",
                     range(id, 1), "cpus", range(first, cpus), "l3", list);
}

/* A machine with a node in each socket; threads as pairs of a rule's name and CPUs, up to NULL. */
static json_t *document_of(unsigned nodes, unsigned caches, unsigned cores, unsigned threads, ...)
{
    json_t *list = json_array(), *placed = json_array(), *rules = json_array();
    for (unsigned i = 0; i < nodes; i++)
        json_array_append_new(list, node_of(i, caches, cores, threads));
    for (const char *name = "abcde"; *name; name++)
        json_array_append_new(rules, json_pack("{s:s#, s:s}", "name", name, 1, "cpus", "0"));
    va_list words;
    va_start(words, threads);
    for (const char *rule; (rule = va_arg(words, const char *));)
        json_array_append_new(
            placed, json_pack("{s:s, s:s, s:s}", "name", "t", "rule", rule, "cpus", va_arg(words, const char *)));
    va_end(words);
    return json_pack("{s:{s:o}, s:o, s:o}", "machine", "nodes", list, "rules", rules, "threads", placed);
}

static struct scene scene_of(json_t *document)
{
    struct scene scene;
    assert_int_equal(scene_make(&scene, "title", document), 0);
    return scene;
}

static void end(struct scene *scene, json_t *document)
{
    scene_free(scene);
    json_decref(document);
}

/* --- tests --- */

static void assert_level(json_t *document, enum scene_level level, size_t cells)
{
    struct scene scene = scene_of(document);
    size_t count = 0;
    for (size_t i = 0; i < scene.node_count; i++)
        count += scene.nodes[i].is_short ? 0 : scene.nodes[i].cell_count;
    assert_int_equal(scene.level, level);
    assert_int_equal(count, cells);
    end(&scene, document);
}

static void a_cell_is_as_small_as_there_is_room_for(void **state)
{
    (void)state;
    assert_level(document_of(1, 1, 1, 1, NULL), SCENE_CPU, 1);
    assert_level(document_of(8, 4, 8, 2, NULL), SCENE_CPU, 512);
    assert_level(document_of(8, 4, 16, 2, "a", "0-1023", NULL), SCENE_CORE, 512);
    assert_level(document_of(16, 4, 32, 2, "a", "0-4095", NULL), SCENE_CACHE, 64);
    assert_level(document_of(200, 3, 4, 2, "a", "0-4799", NULL), SCENE_NODE, 200);
    assert_level(document_of(16, 4, 32, 2, "a", "0", NULL), SCENE_CPU, 256);
}

static void each_cpu_is_in_its_core_and_its_cache(void **state)
{
    (void)state;
    json_t *document = document_of(2, 2, 4, 2, NULL);
    struct scene scene = scene_of(document);
    const struct scene_node *node = &scene.nodes[1];
    assert_int_equal(node->cache_count, 2);
    assert_int_equal(node->caches[1].number, 3);
    const struct scene_span *core = &node->cores[node->caches[1].first];
    assert_int_equal(core->number, 12);
    assert_int_equal(core->count, 2);
    assert_string_equal(node->cells[core->first].label, "24");
    assert_string_equal(node->cells[core->first + 1].label, "25");
    end(&scene, document);
}

static void unused_packages_of_a_large_machine_are_one(void **state)
{
    (void)state;
    char label[64];
    json_t *document = document_of(8, 1, 16, 2, "a", "64", NULL);
    struct scene scene = scene_of(document);
    assert_int_equal(scene.package_count, 3);
    scene_package_label(&scene.packages[0], label, sizeof(label));
    assert_string_equal(label, "sockets 0-1");
    assert_int_equal(scene.packages[0].alike, 2);
    assert_false(scene.packages[1].nodes[0]->is_short);
    assert_int_equal(cpuset_weight(&scene.packages[2].cpus), 5 * 32);
    end(&scene, document);
}

static void a_small_machine_is_shown_whole(void **state)
{
    (void)state;
    json_t *document = document_of(4, 1, 16, 2, "a", "0", NULL);
    struct scene scene = scene_of(document);
    assert_int_equal(scene.package_count, 4);
    for (size_t i = 0; i < scene.node_count; i++)
        assert_false(scene.nodes[i].is_short);
    end(&scene, document);
}

static void a_cell_names_each_rule_once_and_counts_all(void **state)
{
    (void)state;
    json_t *document = document_of(1, 1, 2, 1, "c", "0", "c", "0", "a", "0-1", "b", "0", "e", "0", NULL);
    struct scene scene = scene_of(document);
    const struct scene_cell *cell = &scene.nodes[0].cells[0];
    assert_int_equal(cell->threads, 5);
    assert_int_equal(cell->rule_count, 4);
    assert_string_equal(scene_mark(&scene, cell->rules[0]), "C");
    assert_int_equal(scene.nodes[0].cells[1].rule_count, 1);
    end(&scene, document);
}

static void odd_documents_have_a_picture_or_none(void **state)
{
    (void)state;
    struct scene scene;
    json_t *document = json_pack("{s:{s:[i, {s:s, s:[i, {s:[i, s]}]}]}}", "machine", "nodes", 7, "cpus", "9-", "l3", 1,
                                 "cores", 3, "5-");
    assert_int_equal(scene_make(&scene, "", document), 0);
    end(&scene, document);
    document = json_pack("{s:{s:[]}}", "machine", "nodes");
    assert_true(scene_make(&scene, "", document) < 0);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_is_as_small_as_there_is_room_for),
        cmocka_unit_test(each_cpu_is_in_its_core_and_its_cache),
        cmocka_unit_test(unused_packages_of_a_large_machine_are_one),
        cmocka_unit_test(a_small_machine_is_shown_whole),
        cmocka_unit_test(a_cell_names_each_rule_once_and_counts_all),
        cmocka_unit_test(odd_documents_have_a_picture_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
