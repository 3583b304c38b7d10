/*
 * Bytes as a set: the kernel's list form, the syntax alone, and resolved on two machines under each key. The first
 * byte chooses the key.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/setexpr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int no_rule(void *context, const char *name, struct cpuset *ret_cpus)
{
    (void)context;
    return *name == 'a' ? cpuset_add(ret_cpus, 1) : -2 /* -ENOENT */;
}

static struct topology *machine(const char *text)
{
    struct topology *topology = NULL;
    struct diag_list diags = {0};
    if (topology_load(&topology, text, &diags) < 0)
        abort();
    return topology;
}

static void resolve(const struct topology *topology, const struct text *item, enum set_unit unit)
{
    struct set_list list = {(struct text *)item, 1};
    struct set_scope scope = {.topology = topology, .limit = &topology->allowed, .rule_cpus = no_rule, .gpu = -1};
    struct set_result result;
    struct diag_list diags = {0};
    if (setexpr_resolve(&list, unit, &scope, &result, &diags) == 0) {
        if (!cpuset_is_subset(&result.cpus, &topology->allowed))
            abort();
        set_result_free(&result);
    }
    diag_list_free(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct topology *machines[2];
    if (!machines[0]) {
        machines[0] = machine("pack:2 numa:2 l3:1 core:2 pu:2; allowed=1-9");
        machines[1] = machine("core:2 pu:1");
    }
    if (size == 0 || size > 4096)
        return 0;
    enum set_unit unit = (enum set_unit)(data[0] % 3);
    char *text = strndup((const char *)data + 1, size - 1);
    struct text item = {text, {.source = "fuzz", .line = 1, .column = 1, .length = 1}};
    struct cpuset set = CPUSET_EMPTY;
    struct diag_list diags = {0};
    if (cpuset_parse_list(&set, text, NULL) == 0) {
        char *again = cpuset_to_string(&set);
        struct cpuset other = CPUSET_EMPTY;
        if (cpuset_parse_list(&other, again, NULL) != 0 || !cpuset_equal(&set, &other))
            abort(); /* what is written must be read again as the same */
        cpuset_free(&other);
        free(again);
    }
    cpuset_free(&set);
    setexpr_check(&item, unit, &diags);
    diag_list_free(&diags);
    resolve(machines[0], &item, unit);
    resolve(machines[1], &item, unit);
    free(text);
    return 0;
}
