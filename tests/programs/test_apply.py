"""`nodewise apply`: processes that run already and were started without nodewise. What it did is read from /proc."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, threads_of, wait_until

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
DOES_AS_TOLD = os.path.join(harness.BUILD, "tests", "interpose", "does_as_told")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def title_of(pid):
    with open(f"/proc/{pid}/cmdline", encoding="ascii") as file:
        return file.read()


class ApplyTest(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.first, self.last = min(self.allowed), max(self.allowed)
        self.io = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io_*" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')

    def told(self, *names, program=DOES_AS_TOLD, **more):
        """A program that does as told, with threads of these names."""
        process = self.start([program], way="plain", stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for name in names:
            self.tell(process, f"create {name}")
        return process

    def apply(self, *words, code=0, before=()):
        """(what it printed, what it said on stderr)."""
        done = subprocess.run([*before, harness.NODEWISE, "apply", *map(str, words)], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def threads(self, *words, **more):
        """{tid: what --json says of it}; what it says that a thread has is what the thread has."""
        document = json.loads(self.apply("--json", *words, **more)[0])
        for thread in document["threads"]:
            now = threads_of(thread["pid"])[thread["tid"]]
            self.assertEqual((thread["name"], cpu_list(thread["now"])), now)
        return {thread["tid"]: thread for thread in document["threads"]}

    def watch(self, *words, before=(), interval=0.05):
        return self.start([*before, harness.NODEWISE, "apply", "--watch", "--interval", str(interval), *map(str, words)], way="plain",
                          stdout=subprocess.PIPE)

    @staticmethod
    def masks(process):
        """{name: CPUs}"""
        return dict(threads_of(process.pid).values())

    def check_mask(self, process, name, cpus):
        wait_until(lambda: self.masks(process).get(name) == cpus, f"{name} on {cpus}: {self.masks(process)}")


class Threads(ApplyTest):
    def check_by_name(self, process):
        told = self.threads("-p", self.io, process.pid)
        self.assertEqual({thread["rule"] for thread in told.values() if thread["name"].startswith("io_")}, {"io"})
        self.assertEqual({thread["name"]: thread["outcome"] for thread in told.values() if not thread["main"]},
                         {"io_1": "strict", "io_2": "strict", "other": "not_asked"})
        masks = self.masks(process)
        self.assertEqual((masks["io_1"], masks["io_2"]), ({self.last}, {self.last}))
        self.assertEqual(masks["other"], self.allowed)

    def test_by_name(self):
        self.check_by_name(self.told("io_1", "other", "io_2"))

    def test_of_a_static_program(self):
        program = self.path("static")
        subprocess.run(["gcc", "-static", "-pthread", "-D_GNU_SOURCE", "-o", program,
                        os.path.join(TESTS, "interpose", "zoo", "does_as_told.c")], check=True)
        self.check_by_name(self.told("io_1", "other", "io_2", program=program))

    def test_by_order_and_the_first_thread(self):
        policy = self.policy(f'[[rules]]\nname = "second"\nmatch = {{ index = "2" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n'
                             f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.first}"\nbind_to = "cpu"\n')
        process = self.told("a", "b", "c")
        told = {thread["name"]: thread for thread in self.threads("-p", policy, process.pid).values()}
        self.assertEqual([told[name]["rule"] for name in ("does_as_told", "a", "b", "c")], ["main", "(base)", "second", "(base)"])
        self.assertEqual(self.masks(process)["b"], {self.last})
        self.assertEqual(self.masks(process)["does_as_told"], {self.first})

    def test_one_that_is_called_as_its_process_has_no_name(self):
        policy = self.policy(f'[[rules]]\nname = "unnamed"\nmatch = {{ unnamed = true }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')
        process = self.told("", "named")
        told = self.threads("-p", policy, process.pid)
        self.assertEqual([(thread["name"], thread["main"], thread["rule"]) for thread in told.values()],
                         [("does_as_told", True, "(union)"), ("does_as_told", False, "unnamed"), ("named", False, "(base)")])

    def test_by_process(self):
        policy = self.policy(f'[[rules]]\nname = "n"\nmatch = {{ process_index = "1", process_exe = "*/does_as_told", parent_comm = "python*" }}\n'
                             f'cpus = "{self.last}"\nbind_to = "cpu"\n')
        processes = [self.told("a"), self.told("a")]
        self.apply("-p", policy, *(process.pid for process in processes))
        self.assertEqual([self.masks(process)["a"] for process in processes], [self.allowed, {self.last}])
        self.assertEqual(self.masks(processes[1])["does_as_told"], {self.last})

    def test_an_exclusive_thread_takes_its_cpu_from_the_others(self):
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        policy = self.policy('[[rules]]\nname = "alone"\nmatch = { thread = "alone" }\nbind_to = "cpu"\nexclusive = true\n'
                             '[[rules]]\nname = "rest"\nmatch = { thread = "rest" }\nbind_to = "none"\n')
        process, alone = self.told("rest"), self.told("alone")
        self.apply("-p", policy, process.pid, alone.pid)
        mine = self.masks(alone)["alone"]
        self.assertEqual(len(mine), 1)
        self.assertEqual(self.masks(process)["rest"] & mine, set())

    def test_together(self):
        process = self.told("io_1", "other")
        self.tell(process, f"pin 1 {self.last}")
        printed, said = self.apply("-c", self.first, process.pid)
        self.assertEqual(set(map(frozenset, self.masks(process).values())), {frozenset({self.first})})
        self.assertEqual((printed.splitlines()[-1], said), ("as asked", ""))
        self.apply("-c", f"{self.first},{self.last}", process.pid)
        self.assertEqual(set(map(frozenset, self.masks(process).values())), {frozenset({self.first, self.last})})

    def test_dry_run_changes_nothing(self):
        process = self.told("io_1")
        before = threads_of(process.pid)
        printed, _ = self.apply("-p", self.io, "--dry-run", process.pid)
        self.assertRegex(printed, rf"io_1 +io +{self.last} +\S+ +planned\n(.*\n)*nothing was changed\n")
        self.assertEqual(threads_of(process.pid), before)

    def test_what_threads_chose_themselves(self):
        for choice, cpus, reason in (("respect", self.last, "app-kept"), ("clamp", self.first, "app-outside"),
                                     ("ignore", self.first, "app-ignored"), ("remap", self.first, "app-remapped")):
            with self.subTest(choice=choice):
                policy = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io_*" }}\ncpus = "{self.first}"\nbind_to = "cpu"\n'
                                     f'on_app_affinity = "{choice}"\n')
                process = self.told("io_1", "io_2")
                self.tell(process, f"pin 1 {self.last}")
                told = {thread["name"]: thread for thread in self.threads("-p", policy, process.pid).values()}
                self.assertEqual(told["io_1"]["reason"], reason)
                self.assertEqual((self.masks(process)["io_1"], self.masks(process)["io_2"]), ({cpus}, {self.first}))

    def test_what_only_the_library_does_is_said_once(self):
        process = self.told("a")
        policy = self.policy('[defaults]\nmemory = { policy = "local", stack = "local" }\n[[rules]]\nname = "gomp"\n'
                             'match = { start_library = "libgomp*" }\n')
        said = self.apply("-p", policy, process.pid)[1]
        self.assertEqual(said.count("\n"), 1)
        for word in ("arenas", "memory policies", "stacks", "start routines"):
            self.assertIn(word, said)
        document = json.loads(self.apply("-p", policy, "--json", process.pid)[0])
        self.assertIn("arenas", document["not_from_outside"])


class Refused(ApplyTest):
    def test_a_process_that_the_library_governs(self):
        process = self.start([DOES_AS_TOLD], self.io, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.wait_until_seen(process.pid)
        before = threads_of(process.pid)
        self.assertIn(f"`nodewise reload {process.pid}", self.apply("-c", self.last, process.pid, code=1)[1])
        self.assertEqual(threads_of(process.pid), before)

    def test_all_processes_are_known_before_one_is_touched(self):
        process = self.told("a")
        ended = self.start(["true"], way="plain")
        ended.wait()
        self.assertIn(f"no process {ended.pid}", self.apply("-c", self.last, process.pid, ended.pid, code=4)[1])
        self.assertEqual(set(map(frozenset, self.masks(process).values())), {frozenset(self.allowed)})

    def test_one_that_waits_for_its_parent(self):
        ended = self.start(["true"], way="plain")
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        self.assertIn(f"no process {ended.pid}", self.apply("-c", self.last, ended.pid, code=4)[1])

    def test_a_thread_is_no_process(self):
        process = self.told("a")
        tid = max(threads_of(process.pid))
        self.assertIn("thread of another process", self.apply("-c", self.last, tid, code=2)[1])

    def test_one_that_is_no_target(self):
        policy = self.policy('[target]\ncomm = "nosuch"\n[defaults]\nbind_to = "cpu"\n')
        self.assertIn("target.comm", self.apply("-p", policy, self.told().pid, code=1)[1])

    def test_no_cpu_of_this_machine(self):
        process = self.told("a")
        self.apply("-c", 4095, process.pid, code=3)
        self.assertEqual(self.masks(process)["a"], self.allowed)

    def test_another_users_process(self):
        self.assertEqual(os.geteuid(), 0, "needs root: it starts the command as another user")
        process = self.told("a")
        self.assertIn("CAP_SYS_NICE", self.apply("-c", self.last, process.pid, before=NOBODY, code=3)[1])
        self.assertEqual(self.masks(process)["a"], self.allowed)


class Watching(ApplyTest):
    def test_a_thread_that_comes_later(self):
        process = self.told("io_1")
        watching = self.watch("-p", self.io, process.pid)
        self.check_mask(process, "io_1", {self.last})
        self.tell(process, "create io_2")
        self.check_mask(process, "io_2", {self.last})
        self.tell(process, "create other")
        self.check_mask(process, "other", self.allowed)
        self.tell(process, "name 3 io_3")
        self.check_mask(process, "io_3", {self.last})
        self.assertIsNone(watching.poll())

    def test_a_thread_without_a_rule_does_not_keep_what_it_inherited(self):
        policy = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.last}"\nbind_to = "cpu"\n'
                             '[[rules]]\nname = "io"\nmatch = { thread = "io_*" }\nbind_to = "none"\n')
        process = self.told()
        self.watch("-p", policy, process.pid)
        self.check_mask(process, "does_as_told", {self.last})
        self.tell(process, "create free")
        self.check_mask(process, "free", self.allowed)

    def test_ends_with_the_last_process(self):
        processes = [self.told("io_1"), self.told("io_1")]
        watching = self.watch("-p", self.io, *(process.pid for process in processes))
        for process in processes:
            self.check_mask(process, "io_1", {self.last})
        processes[0].kill()
        processes[0].wait()
        self.tell(processes[1], "create io_2")
        self.check_mask(processes[1], "io_2", {self.last})
        self.assertIsNone(watching.poll())
        processes[1].kill()
        self.assertEqual(watching.wait(harness.SECONDS), 0)
        printed = watching.stdout.read().decode()
        self.assertEqual([int(pid) for pid in re.findall(r"(?m)^(\d+) does_as_told: ended$", printed)],
                         [process.pid for process in processes])

    def test_signals_end_it(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number):
                process = self.told("io_1")
                watching = self.watch("-p", self.io, process.pid, before=["env", "--default-signal"]) # also under nohup
                self.check_mask(process, "io_1", {self.last})
                watching.send_signal(number)
                self.assertEqual(watching.wait(harness.SECONDS), 0)
                self.assertIsNone(process.poll())
                self.assertEqual(self.masks(process)["io_1"], {self.last}, "the CPUs stay")

    def test_a_hangup_that_is_ignored_does_not_end_it(self):
        process = self.told("io_1")
        watching = self.watch("-p", self.io, process.pid, before=["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"])
        self.check_mask(process, "io_1", {self.last})
        watching.send_signal(signal.SIGHUP)
        self.tell(process, "create io_2")
        self.check_mask(process, "io_2", {self.last})

    def test_tells_what_changes(self):
        process = self.told("io_1")
        watching = self.watch("--json", "-p", self.io, process.pid)
        first = json.loads(watching.stdout.readline())
        self.assertEqual({thread["name"] for thread in first["threads"]}, {"does_as_told", "io_1"})
        self.tell(process, "create io_2")
        later = json.loads(watching.stdout.readline())
        self.assertEqual([(thread["name"], thread["outcome"]) for thread in later["threads"]][-1:], [("io_2", "strict")])
        self.assertEqual(later["processes"], [])


class Numbers(ApplyTest):
    """What has the number of a thread or process that ended is another one. Needs root, to have a number given out again."""

    TRIES = 200 # others take numbers, too

    def setUp(self):
        super().setUp()
        self.policy_text = (f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.first}"\nbind_to = "cpu"\n'
                            f'[[rules]]\nname = "io"\nmatch = {{ thread = "io_*" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')

    @staticmethod
    def give_next(number):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as file:
            file.write(str(number - 1))

    def test_a_thread_with_the_number_of_one_that_ended(self):
        process = self.told("io_1")
        tid = max(threads_of(process.pid))
        self.watch("-p", self.policy(self.policy_text), process.pid, interval=0.5)
        self.check_mask(process, "io_1", {self.last})
        for number in range(1, self.TRIES):
            self.tell(process, f"end {number}")
            self.give_next(tid)
            self.tell(process, "create io_2")
            if max(threads_of(process.pid)) == tid:
                break
        self.assertEqual(max(threads_of(process.pid)), tid, "the number was given out again")
        self.check_mask(process, "io_2", {self.last})

    def test_a_process_with_the_number_of_one_that_ended(self):
        for _ in range(self.TRIES):
            process = self.told("io_1")
            watching = self.watch("-p", self.policy(self.policy_text), process.pid, interval=5)
            self.check_mask(process, "io_1", {self.last})
            self.end(process)
            self.give_next(process.pid)
            other = self.told("io_1")
            self.assertEqual(watching.wait(harness.SECONDS), 0)
            self.assertEqual(set(map(frozenset, self.masks(other).values())), {frozenset(self.allowed)})
            if other.pid == process.pid:
                return
            self.end(other)
        self.fail("the number was not given out again")


class Programs(ApplyTest):
    def test_nginx_workers(self):
        with open(self.path("nginx.conf"), "w") as file:
            file.write(f"daemon off; worker_processes 2; pid {self.path('pid')}; error_log {self.path('log')};\n"
                       f"events {{}}\nhttp {{ access_log off; server {{ listen 127.0.0.1:{harness.free_port()}; }} }}\n")
        master = self.start(["/usr/sbin/nginx", "-c", self.path("nginx.conf")], way="plain")
        self.addCleanup(subprocess.run, ["/usr/sbin/nginx", "-c", self.path("nginx.conf"), "-s", "stop"], capture_output=True)

        def workers():
            with open(f"/proc/{master.pid}/task/{master.pid}/children") as file:
                found = [int(word) for word in file.read().split()]
            return found if len(found) == 2 and all(title_of(pid).startswith("nginx: worker") for pid in found) else None
        pids = wait_until(workers, "two workers with their title")
        policy = self.policy('[target]\nexe = "/usr/sbin/nginx"\n[[rules]]\nname = "workers"\n'
                             'match = { process_argv = "nginx: worker process*", forked = true }\n'
                             'distribution = "round_robin"\nlevel = "cpu"\nbind_to = "cpu"\n')
        told = self.threads("-p", policy, master.pid, *pids)
        self.assertEqual([told[pid]["rule"] for pid in (master.pid, *pids)], ["(union)", "workers", "workers"])
        masks = [threads_of(pid)[pid][1] for pid in pids]
        self.assertEqual([len(mask) for mask in masks], [1, 1])
        self.assertEqual(len(set().union(*masks)), min(2, len(self.allowed)))

    def test_java(self):
        shutil.copy(os.path.join(TESTS, "programs", "Pool.java"), self.folder)
        subprocess.run(["javac", "-d", self.folder, self.path("Pool.java")], check=True)
        process = self.start(["java", "-cp", self.folder, "Pool"], way="plain", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready 4\n")
        policy = self.policy('[[rules]]\nname = "pool"\nmatch = { thread = "worker-*" }\nbind_to = "cpu"\n'
                             'distribution = "round_robin"\nlevel = "cpu"\n'
                             f'[[rules]]\nname = "jit"\nmatch = {{ thread = "C? CompilerThre*" }}\ncpus = "{self.last}"\n')
        told = self.threads("-p", policy, process.pid)
        pool = [thread for thread in told.values() if thread["rule"] == "pool"]
        self.assertEqual(len(pool), 4)
        self.assertEqual({len(threads_of(process.pid)[thread["tid"]][1]) for thread in pool}, {1})
        self.assertEqual(len({thread["now"] for thread in pool}), min(4, len(self.allowed)))
        jit = [thread["tid"] for thread in told.values() if thread["rule"] == "jit"]
        self.assertEqual({frozenset(threads_of(process.pid)[tid][1]) for tid in jit}, {frozenset({self.last})})
        output, _ = process.communicate(b"\n", timeout=harness.SECONDS)
        self.assertEqual((output, process.returncode), (b"done\n", 0))


if __name__ == "__main__":
    harness.main()
