#include "tools/prepare/deal_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "tools/common/cli.h"
#include "tools/prepare/cpu_bar.h"
#include "tools/prepare/plan_view.h"

static json_t *text_json(char *text)
{
    json_t *value = json_any_text(text ? text : "");
    free(text);
    return value;
}

static int declare(struct thread_list *list, const struct deal_request *request, unsigned number)
{
    struct process_facts process = *request->process;
    process.index = number;
    int error = thread_list_init(list, &process);
    for (size_t i = 0; error == 0 && i < request->spec_count; i++)
        error = thread_list_add(list, request->specs[i]);
    return error;
}

static int add_one(json_t *array, const struct dealt *dealt, const struct deal_request *request, unsigned number)
{
    const struct plan_view *plan = &dealt->plan;
    struct thread_list list = {0};
    struct cpuset cpus = CPUSET_EMPTY;
    int error = declare(&list, request, number);
    if (error == 0)
        error = plan_simulate(plan, list.threads, list.count);
    if (error == 0)
        error = plan_mask_cpuset(plan, plan->header->main_mask, &cpus);
    if (error == 0)
        json_array_append_new(
            array, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", request->ranks ? "rank" : "process", (int)number,
                             "cpus", text_json(cpuset_to_string(&cpus)), "nodes", text_json(plan_nodes_of(plan, &cpus)),
                             "memory", text_json(plan_main_memory_text(plan)), "bar", text_json(cpu_bar(plan, &cpus)),
                             "rules", plan_rules_json(plan), "threads", plan_threads_json(plan, &list)));
    cpuset_free(&cpus);
    thread_list_free(&list);
    return error;
}

json_t *deal_json(const struct prepared *prepared, const struct deal_request *request)
{
    /* a variable of the policy's own does not say how many ranks there are, and then none has a part */
    int told = rank_count_is_told(prepared->config.policy) ? (int)request->count : 0;
    struct deal_processes processes = {0};
    json_t *array = json_array();
    int error = 0;
    for (unsigned number = 0; error == 0 && number < request->count; number++) {
        struct dealt dealt;
        if (request->ranks)
            error = deal_rank(&dealt, prepared, (struct rank){(int)number, told}, /* is_bound= */ false);
        else
            error = deal_process(&dealt, prepared, &processes);
        if (error < 0)
            break;
        error = add_one(array, &dealt, request, number);
        dealt_free(&dealt);
    }
    if (error == 0)
        return array;
    print_error("what each of them gets cannot be computed: %s", strerror(-error));
    json_decref(array);
    return NULL;
}

void deal_print(FILE *to, const json_t *dealt, const struct deal_request *request)
{
    const char *const headings[] = {request->ranks ? "RANK" : "PROCESS", "CPUS", "NODE", "MEMORY", "MAP"};
    const char *const keys[] = {request->ranks ? "rank" : "process", "cpus", "nodes", "memory", "bar"};
    rows_print(to, dealt, headings, keys, sizeof(keys) / sizeof(keys[0]));
}
