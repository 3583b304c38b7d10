#include "tools/metrics/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define USER         "nodewise"
#define MAPPED_FILES 40 /* CAP_CHECKPOINT_RESTORE, of Linux 5.9: /proc/PID/map_files */
#define KEPT         (1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_SYS_PTRACE | 1ull << MAPPED_FILES)
#define STEPS        192u
#define WRITES       (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)
#define REFUSED      (SECCOMP_RET_ERRNO | EPERM)
#define LOW_HALF(n)  ((uint32_t)(offsetof(struct seccomp_data, args) + 8u * (n))) /* of an argument: little endian */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define OTHER_CALLS  0x40000000u /* the first number of x32 */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define OTHER_CALLS  0x40000000u
#endif

/* --- users and capabilities --- */

static int become_user(void)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam(USER) : NULL;
    if (!user)
        return 0;
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
                   setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
                   setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0
               ? 0
               : -errno;
}

/* Of what it has: a server without these reads its own user's segments. */
static int keep_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0)
        return -errno;
    for (unsigned i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(KEPT >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

/* Takes CAP_SETPCAP, so it comes first; who lacks it can gain nothing by exec either. */
static void drop_bounds(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/* --- calls --- */

#ifdef ARCHITECTURE
static const int refused[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_tkill,
    SYS_openat2,
    SYS_open_by_handle_at,
    SYS_io_uring_setup,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_mknodat,
    SYS_mkdirat,
    SYS_fchmodat,
    SYS_fchmod,
    SYS_fchownat,
    SYS_fchown,
    SYS_truncate,
    SYS_ftruncate,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_utimensat,
    SYS_mount,
    SYS_umount2,
    SYS_move_mount,
    SYS_fsopen,
    SYS_open_tree,
    SYS_chroot,
    SYS_pivot_root,
    SYS_setns,
    SYS_unshare,
    SYS_clone3,
    SYS_clone,
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_init_module,
    SYS_finit_module,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_reboot,
    SYS_swapon,
    SYS_setrlimit,
    SYS_prlimit64,
    SYS_sethostname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_add_key,
    SYS_keyctl,
    SYS_move_pages,
#ifdef __x86_64__
    SYS_unlink,
    SYS_rename,
    SYS_renameat,
    SYS_link,
    SYS_symlink,
    SYS_mknod,
    SYS_mkdir,
    SYS_rmdir,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_creat,
    SYS_fork,
    SYS_vfork,
    SYS_ioperm,
    SYS_iopl,
    SYS_utimes,
    SYS_futimesat,
#endif
};

struct filter {
    struct sock_filter steps[STEPS];
    unsigned short count;
};

static void add(struct filter *filter, struct sock_filter step)
{
    if (filter->count < STEPS)
        filter->steps[filter->count++] = step;
}

static void load(struct filter *filter, size_t offset)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* The step after this one when they are equal, else the one after that. */
static void when_equal(struct filter *filter, uint32_t value)
{
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
}

static void answer(struct filter *filter, uint32_t value)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* That call, where bits of an argument are set. */
static void refuse_bits(struct filter *filter, int call, unsigned argument, uint32_t bits)
{
    load(filter, offsetof(struct seccomp_data, nr));
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3));
    load(filter, LOW_HALF(argument));
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
    answer(filter, REFUSED);
}

static int refuse_calls(void)
{
    static struct filter filter;
    load(&filter, offsetof(struct seccomp_data, arch));
    add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    answer(&filter, REFUSED);
    refuse_bits(&filter, SYS_openat, 2, WRITES);
#ifdef __x86_64__
    refuse_bits(&filter, SYS_open, 1, WRITES);
#endif
    refuse_bits(&filter, SYS_kill, 1, UINT32_MAX); /* signal 0 asks whether a process is there */
    load(&filter, offsetof(struct seccomp_data, nr));
    add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_CALLS, 0, 1));
    answer(&filter, REFUSED);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        when_equal(&filter, (uint32_t)refused[i]);
        answer(&filter, REFUSED);
    }
    answer(&filter, SECCOMP_RET_ALLOW);
    if (filter.count == STEPS)
        return -ENOSPC;
    const struct sock_fprog program = {filter.count, filter.steps};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ? 0 : -errno;
}
#else
static int refuse_calls(void)
{
    return -ENOSYS;
}
#endif

int privileges_drop(void)
{
    bool root = geteuid() == 0;
    drop_bounds();
    int error = become_user();
    int other = keep_capabilities();
    if (error == 0)
        error = other;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 && error == 0)
        error = -errno;
    other = root ? refuse_calls() : 0;
    return error < 0 ? error : other;
}
