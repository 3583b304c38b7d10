#include "tests/unit/policy/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct topology *load_topology(const char *text)
{
    struct topology *topology = NULL;
    struct diag_list diags = {0};
    int error = topology_load(&topology, text, &diags);
    diag_list_free(&diags);
    assert_int_equal(error, 0);
    return topology;
}

void assert_cpus(const struct cpuset *set, const char *list)
{
    char *text = cpuset_to_string(set);
    assert_non_null(text);
    assert_string_equal(text, list);
    free(text);
}

struct compiled compile_text(const char *policy, const char *topology_text)
{
    char path[] = "/tmp/nodewise-policy-XXXXXX";
    struct compiled compiled = {0};
    struct config *config = &compiled.config;
    struct topology *topology = load_topology(topology_text);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, policy, strlen(policy)), (ssize_t)strlen(policy));
    close(fd);
    struct config_request request = {.file = path, .no_search = true};
    int error = config_load(config, &request);
    unlink(path);
    if (error != 0)
        diag_print(stderr, &config->diags, config->sources, (struct print_style){0});
    assert_int_equal(error, 0);
    struct compile_options options = {.source = "test", .gpu = -1, .share = PLAN_NONE};
    policy_lint(config->policy, topology, &compiled.diags);
    compiled.result = plan_compile(&compiled.bytes, config->policy, topology, &options, &compiled.diags);
    if (compiled.result == 0)
        assert_int_equal(plan_check(&compiled.view, compiled.bytes.data, compiled.bytes.size, NULL), 0);
    topology_free(topology);
    return compiled;
}

void compiled_free(struct compiled *compiled)
{
    free(compiled->bytes.data);
    diag_list_free(&compiled->diags);
    config_free(&compiled->config);
}

bool was_said(const struct diag_list *diags, const char *code)
{
    for (size_t i = 0; i < diags->count; i++)
        if (strcmp(diag_code_name(diags->items[i].code), code) == 0)
            return true;
    return false;
}
