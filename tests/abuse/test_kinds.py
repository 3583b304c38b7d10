"""Filters of other kinds than one call that is killed: sets of calls as service managers have them, allowed calls alone,
arguments, other answers of seccomp, and who is believed to permit a trial."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from abuse import ALL, CROWD, PROGRAMS, REFUSE, Matrix, harness
from test_filters import CALLS, TRIES

# systemd-analyze syscall-filter, of systemd 252; names that this machine's kernel does not have are left out below.
SETS = {
    "@resources": """ioprio_set mbind migrate_pages move_pages nice sched_setaffinity sched_setattr sched_setparam
                     sched_setscheduler set_mempolicy set_mempolicy_home_node setpriority setrlimit""",
    "@privileged": """_sysctl acct adjtimex bpf capset chown chroot clock_adjtime clock_settime delete_module fanotify_init
                      fanotify_mark fchown fchownat finit_module init_module ioperm iopl kexec_file_load kexec_load lchown
                      nfsservctl open_by_handle_at pivot_root quotactl quotactl_fd reboot setdomainname setfsuid setgroups
                      sethostname setresuid setreuid settimeofday setuid swapoff swapon syslog vhangup""",
    "@debug": "lookup_dcookie perf_event_open pidfd_getfd ptrace rtas s390_runtime_instr sys_debug_setcontext",
    "@memlock": "mlock mlock2 mlockall munlock munlockall",
    "@sandbox": "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp",
    "@mount": """chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree pivot_root umount umount2""",
    "@keyring": "add_key keyctl request_key",
    "@timer": """alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_settime
                 timerfd_create timerfd_gettime timerfd_settime times""",
    "@setuid": "setgid setgroups setregid setresgid setresuid setreuid setuid",
    "@chown": "chown fchown fchownat lchown",
    "files": "mkdirat fchmodat unlinkat ftruncate fallocate flock renameat2 linkat symlinkat mknodat",
    "sampling": "perf_event_open process_vm_readv close_range",
    "numbers": "getpid gettid getppid sched_getaffinity get_mempolicy getcpu",
}
# What a program of two kinds makes on any glibc, as SystemCallFilter= with a list of what is allowed.
ALLOWED = """access arch_prctl brk clone clone3 close execve exit exit_group fork fstat futex getrandom lseek madvise mmap
             mprotect mremap munmap newfstatat openat pread64 prctl prlimit64 read rseq rt_sigaction rt_sigprocmask
             sched_getaffinity sched_setaffinity set_robust_list set_tid_address vfork wait4 write writev rt_sigreturn getrlimit"""
OTHER_ANSWERS = ("kill-thread", "trap", "trace", "log")
ARGUMENTS = [ # the call, its argument, the values that are killed for
    ("prctl", 0, (16, 15, 4)), # PR_GET_NAME, PR_SET_NAME, PR_SET_DUMPABLE
    ("madvise", 2, (4, 8, 14, 15, 16, 18, 20, 23)),
    ("fcntl", 1, (1, 2)),
    ("futex", 1, (128, 129)),
    ("openat", 2, (0x80241, 0x800c2, 0x90000)),
    ("clone", 0, (0, 0x4100, 17)),
    ("rt_sigprocmask", 0, (0, 2)),
    ("kill", 1, (0,)),
    ("prlimit64", 1, (1, 2, 4, 9)),
]


def numbers(names):
    return ",".join(str(CALLS[name]) for name in names.split() if name in CALLS)


class Kinds(Matrix):
    def setUp(self):
        self.alone = {program: self.plain([], program) for program in PROGRAMS}

    def one(self, case):
        what, condition = case
        for program in PROGRAMS if ALL else ("alone", "crowd"):
            plain = self.plain(condition, program)
            if not plain.same(self.alone[program]):
                self.counts["not without the calls"] += 1
                continue
            for way in ("preload", "try", "run") if ALL else ("preload", "try"):
                run = self.governed(condition, program, "everything", TRIES if way == "try" else {},
                                    "run" if way == "run" else "preload")
                yield self.compare(f"{what}, {program}, {way}", plain, run)

    def check(self, cases):
        self.check_all(cases, lambda case: list(self.one(case)))

    def test_sets_of_a_service_manager(self):
        for names in SETS.values():
            self.assertTrue(numbers(names) or "landlock" in names)
        self.check([(f"{answer} {name}", [REFUSE, numbers(names), answer]) for name, names in SETS.items()
                    for answer in ("kill", "1", "38") if numbers(names)])

    def test_a_list_of_what_is_allowed(self):
        self.check([(f"{answer} all but a list", [REFUSE, "^" + numbers(ALLOWED), answer]) for answer in ("kill", "1", "38")])
        self.assertGreater(self.counts["governed"], 0)

    def test_other_answers(self):
        calls = [name for name in ("getpid", "gettid", "sched_setaffinity", "mbind", "unlinkat", "wait4", "prctl") if name in CALLS]
        self.check([(f"{answer} {name}", [REFUSE, str(CALLS[name]), answer]) for name in calls for answer in OTHER_ANSWERS])

    def test_arguments(self):
        self.check([(f"kill {name}/{argument}={value}", [REFUSE, f"{CALLS[name]}/{argument}={value}", "kill"])
                    for name, argument, values in ARGUMENTS for value in values
                    if not (name == "clone" and value == 0)]) # the copy itself: docs/limits.md

    def test_two_filters(self):
        """The second is of a program in the container: the first's engine does not speak for it."""
        inner = [REFUSE, str(CALLS["getpid"]), "1", REFUSE, str(CALLS["unlinkat"]), "kill"]
        self.check([("EPERM getpid, kill unlinkat", inner)])


class Believed(Matrix):
    """When a copy of the process is made before the program makes a thread."""

    def log_of(self, variables, command, condition=("unshare", "-pf", "--mount-proc")):
        run = self.governed([*condition, REFUSE, "1", "log", *command], "alone", "pins", variables)
        self.assertEqual(run.status, 3, run)
        return run

    def test_the_first_process_of_a_container(self):
        self.assertTrue(self.log_of({"container": "podman"}, [REFUSE, "-", "-"]).governed)

    def test_the_users_word(self):
        self.assertTrue(self.log_of(TRIES, [], ()).governed)
        self.assertFalse(self.log_of({}, [], ()).governed)

    def test_no_container_speaks_for_a_filter_that_it_did_not_set(self):
        """The container's first process has fewer filters."""
        inner = ["/bin/sh", "-c", f'"{REFUSE}" {CALLS["getpid"]} 1 "$@"; exit $?', "sh"]
        self.assertFalse(self.log_of({"container": "podman"}, inner).governed)

    def test_a_program_that_is_no_target_needs_to_know_of_no_filter(self):
        run = self.governed([REFUSE, str(CALLS["getpid"]), "kill"], "alone", "dormant")
        self.assertEqual(run.status, 3)
        self.assertIn("dormant: no [target]", run.log)

    def test_a_hard_rule_is_tried(self):
        policy = self.path("hard.toml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write('schema = 1\n[defaults]\nbind_to = "cpu"\nenforcement = "hard"\n')
        for name, status in (("sched_setaffinity", 125), ("mbind", 4)):
            command = [REFUSE, str(CALLS[name]), "1", harness.NODEWISE, "run", "-p", policy, "--", CROWD]
            done = subprocess.run(command, capture_output=True, env=harness.clean_environment(), timeout=harness.SECONDS)
            self.assertEqual(done.returncode, status, done)


if __name__ == "__main__":
    harness.main()
