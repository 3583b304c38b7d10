/*
 * plugin_api: the part of QEMU's plugin interface that the counter uses. QEMU's packages bring no header; this is what
 * its documentation (QEMU, docs/devel/tcg-plugins.rst) and version 1 of the interface, of QEMU 6.0 to 8.x, promise.
 */
#ifndef NODEWISE_TESTS_LAB_COUNTER_PLUGIN_API_H
#define NODEWISE_TESTS_LAB_COUNTER_PLUGIN_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_EXPORT  __attribute__((visibility("default")))
#define PLUGIN_VERSION 1

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t; /* one access, as qemu_plugin_mem_is_store() and others read it */

struct qemu_plugin_tb;   /* a block of translated instructions */
struct qemu_plugin_insn; /* one of them */
struct qemu_plugin_hwaddr;

typedef struct qemu_info_t {
    const char *target_name;
    struct {
        int min, cur;
    } version;
    bool system_emulation;
    struct {
        int smp_vcpus, max_vcpus;
    } system;
} qemu_info_t;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W, QEMU_PLUGIN_MEM_RW };

typedef void translate_callback(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void memory_callback(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data);
typedef void run_callback(unsigned cpu, void *data);
typedef void end_callback(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translate_callback *callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t number);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction, memory_callback *callback,
                                      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw which, void *data);
/* Called before the instruction runs. */
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction, run_callback *callback,
                                            enum qemu_plugin_cb_flags flags, void *data);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
/* NULL for what is no memory. Valid until the callback returns. */
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *address);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, end_callback *callback, void *data);
void qemu_plugin_outs(const char *text);

/* What a plugin has: QEMU calls it when the plugin is loaded, with the words of -plugin; not 0: it cannot work. */
PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

#endif
