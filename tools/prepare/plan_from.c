#include "tools/prepare/plan_from.h"

#include <errno.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"

static const char *known(const json_t *thread, const char *key)
{
    const char *text = text_of(thread, key);
    return *text ? text : NULL;
}

/* Facts that the plan of then had no use for were not noted; such conditions do not hold in the dry run either. */
static int add(struct thread_list *list, const json_t *thread)
{
    bool named = truth_of(thread, "named") && !truth_of(thread, "renamed");
    struct thread_facts facts = {
        .name = named ? text_of(thread, "name") : NULL,
        .unnamed = !named,
        .start_library = known(thread, "start_library"),
        .start_function = known(thread, "start_function"),
        .creator_library = known(thread, "creator_library"),
        .creator_function = known(thread, "creator_function"),
    };
    const char *label = named ? facts.name : facts.start_library ? facts.start_library : "unnamed";
    return thread_list_add_seen(list, &facts, label);
}

int plan_from_report(struct thread_list *list, const json_t *report)
{
    size_t index;
    json_t *thread;
    int error = 0;
    json_array_foreach(json_object_get(report, "threads"), index, thread) {
        if (error == 0 && !truth_of(thread, "main"))
            error = add(list, thread);
    }
    return error;
}

struct process_facts plan_from_process(const json_t *report)
{
    const json_t *process = json_object_get(report, "process");
    return (struct process_facts){.exe = text_of(process, "exe"),
                                  .comm = text_of(process, "comm"),
                                  .argv = "",
                                  .index = PLAN_NONE,
                                  .forked = truth_of(process, "forked")};
}

static int wrong_spec(const char *verb, const char *spec, int error)
{
    if (error == -ERANGE)
        return usage_error(verb, "\"%s\" makes more threads than a dry run takes", spec);
    if (error == -ENOKEY)
        return usage_error(verb, "\"%s\": the keys are start_, creator_ and stack_, each with library or function",
                           spec);
    return usage_error(verb, "\"%s\" does not declare threads: 'GLOB[=N]' or 'KEY:VALUE[=N]', N a number", spec);
}

int plan_from_words(struct thread_list *ret_list, const struct process_facts *process, const char *verb,
                    const char *const *specs, size_t spec_count, const json_t *seen, const char *from)
{
    int error = thread_list_init(ret_list, process);
    for (size_t i = 0; i < spec_count && error == 0; i++) {
        error = thread_list_add(ret_list, specs[i]);
        if (error == -EINVAL || error == -ERANGE || error == -ENOKEY)
            return wrong_spec(verb, specs[i], error);
    }
    if (error == 0 && seen)
        error = plan_from_report(ret_list, seen);
    if (error == -ERANGE)
        print_error("%s has more threads than a dry run takes", from);
    if (error == -ENOMEM)
        print_error("out of memory");
    return error < 0 ? EXIT_BAD_INPUT : EXIT_OK;
}
