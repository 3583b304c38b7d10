/*
 * cpu_text: the kernel's texts about CPUs, as they would read on a machine that had only some of these: /proc/cpuinfo and
 * /proc/stat. Any thread, signal-safe; no allocation but one mapping for the time of the call.
 */
#ifndef NODEWISE_SHIM_PLACE_CPU_TEXT_H
#define NODEWISE_SHIM_PLACE_CPU_TEXT_H

struct mask;

/* /proc/cpuinfo: the paragraphs of CPUs that are not in the mask are left out. Returns 0 or a negative errno. */
int cpu_text_info(int from, int to, const struct mask *cpus);
/*
 * /proc/stat: the lines of CPUs that are not in the mask are left out, and the first line is the sum of the others. `from`
 * is read twice, from its start. Returns 0 or a negative errno.
 */
int cpu_text_stat(int from, int to, const struct mask *cpus);

#endif
