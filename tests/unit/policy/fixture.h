/* fixture: topologies and plans for the tests of policy/. Each function ends the test when it cannot deliver. */
#ifndef NODEWISE_TESTS_POLICY_FIXTURE_H
#define NODEWISE_TESTS_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "config/config.h"
#include "policy/compile.h"
#include "policy/topology.h"

struct topology *load_topology(const char *text);
/* Checks a set against the kernel's list form. */
void assert_cpus(const struct cpuset *set, const char *list);

/* A compiled policy text; free with compiled_free(). */
struct compiled {
    struct plan_bytes bytes;
    struct plan_view view;
    struct diag_list diags;
    struct config config;
    int result; /* of plan_compile */
};
struct compiled compile_text(const char *policy, const char *topology);
void compiled_free(struct compiled *compiled);
bool was_said(const struct diag_list *diags, const char *code);

#endif
