"""Which process of a deployment has which share of the machine, by a file that they share: also when many come at once,
when they are killed, and when somebody holds the file or spoils it."""

import fcntl
import os
import random
import shlex
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until
from ledger_file import SLOTS_AT, Ledger, ledger_with, paths

MACHINE = {"HWLOC_SYNTHETIC": "node:2 core:1 pu:1", "HWLOC_THISSYSTEM": "1"}
ZOO = os.path.join(harness.BUILD, "tests", "interpose")


class Deployment(harness.ProgramTest):
    """Processes under one policy that nobody else has, and its ledger."""

    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        self.first, self.last = min(self.allowed), max(self.allowed)
        before = paths()
        self.addCleanup(lambda: [os.unlink(path) for path in paths() - before])

    def compiled(self, distribution="least_loaded", rules="", name="policy.toml", level="node", machine=MACHINE):
        """A plan with two shares, whatever the machine is like: hwloc describes another one."""
        policy = self.policy(f'[process]\ndistribution = "{distribution}"\nlevel = "{level}"\n{rules}'
                             f'[[rules]]\nname = "of-{os.getpid()}-{time.monotonic_ns()}"\nmatch = {{ thread = "nobody" }}\n', name)
        done = subprocess.run([harness.NODEWISE, "compile", "--cached", "-p", policy], capture_output=True, text=True,
                              env=harness.clean_environment() | machine, timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def begin(self, plan, program="does_as_told", ready=True, **more):
        process = self.start([os.path.join(ZOO, program)], way="keys", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             environment={"NODEWISE_PLAN": plan, "NODEWISE_LOG": self.path("log")}, **more)
        if ready:
            self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        return process

    def begin_many(self, plan, count):
        processes = [self.begin(plan, ready=False) for _ in range(count)]
        for process in processes:
            self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        return processes

    def log(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return file.read()

    def assert_even(self, path, count):
        ledger = Ledger(path)
        self.assertEqual((sum(ledger.counts), len(ledger.processes), ledger.used), (count, count, count))
        self.assertLessEqual(max(ledger.counts) - min(ledger.counts), 1, ledger.counts)


class Counts(Deployment):
    def test_processes_that_come_at_once_are_spread_evenly(self):
        for distribution in ("least_loaded", "round_robin"):
            with self.subTest(distribution):
                processes = self.begin_many(self.compiled(distribution), 60)
                path = ledger_with(processes[0].pid)
                self.assert_even(path, 60)
                self.assertEqual(set(Ledger(path).processes), {process.pid for process in processes})

    def test_who_ends_gives_its_share_back_at_once(self):
        plan = self.compiled()
        first, second = self.begin_many(plan, 2)
        path = ledger_with(first.pid)
        first.communicate(timeout=harness.SECONDS)
        self.assertEqual(set(Ledger(path).processes), {second.pid})
        child, = self.tell(second, "fork")
        self.assertEqual(set(Ledger(path).processes), {second.pid, int(child)})

    def test_who_is_killed_leaves_nothing_behind(self):
        plan = self.compiled()
        stays = self.begin(plan)
        path = ledger_with(stays.pid)
        for _ in range(30):
            killed = [self.begin(plan, ready=False) for _ in range(4)]
            for process in killed:
                time.sleep(random.random() * 0.003)
                process.kill()
            for process in killed:
                process.wait()
        last = self.begin(plan)
        self.assertEqual(set(Ledger(path).processes), {stays.pid, last.pid})
        self.assert_even(path, 2)

    def test_a_program_that_goes_on_as_another_keeps_its_share(self):
        plan = self.compiled("round_robin")
        shell = self.start(["sh", "-c", f"exec {shlex.quote(os.path.join(ZOO, 'does_as_told'))}"], way="keys",
                           environment={"NODEWISE_PLAN": plan}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(shell.stdout.readline(), b"ready\n")
        ledger = Ledger(ledger_with(shell.pid))
        self.assertEqual((ledger.used, ledger.turn), (1, 1))

    def test_a_process_with_a_dead_ones_id_is_not_taken_for_it(self):
        rules = (f'[[rules]]\nname = "first"\nmatch = {{ process_index = "0" }}\ncpus = "{self.first}"\n'
                 f'[[rules]]\nname = "others"\nmatch = {{ process_index = "1-" }}\ncpus = "{self.last}"\n')
        plan = self.compiled("round_robin", rules)
        first = self.begin(plan)
        path = ledger_with(first.pid)
        number = lambda process: Ledger(path).processes[process.pid][0]
        self.assertEqual((number(first), number(self.begin(plan))), (0, 1), "the first one lives")
        data = Ledger(path).change_start(first.pid, 12345)  # it lives, and began at another time
        with open(path, "r+b") as file:
            file.write(data)
        self.assertEqual(number(self.begin(plan)), 0, "its number is free")

    def test_processes_have_numbers_without_shares_too(self):
        rules = (f'[[rules]]\nname = "first"\nmatch = {{ process_index = "0" }}\ncpus = "{self.first}"\nbind_to = "cpu"\n'
                 f'[[rules]]\nname = "others"\nmatch = {{ process_index = "1-" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')
        plan = self.compiled("none", rules)
        first, second = self.begin(plan), self.begin(plan)
        child = int(self.tell(second, "fork")[0])
        cpus = lambda pid: threads_of(pid)[pid][1]
        self.assertEqual([cpus(pid) for pid in (first.pid, second.pid, child)], [{self.first}, {self.last}, {self.last}])
        path = ledger_with(first.pid)
        numbers = {pid: slot[0] for pid, slot in Ledger(path).processes.items()}
        self.assertEqual(numbers, {first.pid: 0, second.pid: 1, child: 2})
        first.communicate(timeout=harness.SECONDS)
        third = self.begin(plan)
        self.assertEqual(cpus(third.pid), {self.first}, "the number of one that ended")
        self.assertEqual(Ledger(path).processes[third.pid][0], 0)

    def test_cores_are_given_out(self):
        one_node = MACHINE | {"HWLOC_SYNTHETIC": "node:1 core:2 pu:1"}
        processes = self.begin_many(self.compiled("round_robin", "[defaults]\nbind_to = \"core\"\n", level="core", machine=one_node), 4)
        cpus = sorted(sorted(threads_of(process.pid)[process.pid][1]) for process in processes)
        self.assertEqual(cpus, [[self.first]] * 2 + [[self.last]] * 2)

    def test_a_launchers_number_counts(self):
        rules = (f'[[rules]]\nname = "third"\nmatch = {{ process_index = "2" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')
        self.compiled("none", rules)
        process = self.start([os.path.join(ZOO, "does_as_told")], self.path("policy.toml"), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, environment={"SLURM_LOCALID": "2"})
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.assertEqual(threads_of(process.pid)[process.pid][1], {self.last})

    def test_processes_of_another_pid_namespace_count_and_stay(self):
        """Containers may share the folder. Their processes have numbers that mean others here, or nobody."""
        self.assertEqual(os.geteuid(), 0, "unshare(2) needs root")
        plan = self.compiled()
        first = self.begin(plan)
        path = ledger_with(first.pid)
        inside = self.start(["unshare", "-p", "-f", "--mount-proc", "--propagation", "unchanged", "env", f"LD_PRELOAD={harness.SHIM}",
                             f"NODEWISE_PLAN={plan}", os.path.join(ZOO, "does_as_told")], way="plain",
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(inside.stdout.readline(), b"ready\n")
        self.assert_even(path, 2)
        others = [self.begin(plan) for _ in range(4)]
        self.assert_even(path, 6)
        self.tell(inside, "create")
        inside.communicate(timeout=harness.SECONDS)
        self.assertEqual(set(Ledger(path).processes), {process.pid for process in (first, *others)}, "it gave its share back")

    def test_a_umask_keeps_nobody_out(self):
        plan = self.compiled()
        first = self.begin(plan, umask=0o777)
        path = ledger_with(first.pid)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_without_the_plans_of_the_shares_there_is_none_and_a_reason(self):
        plan = self.compiled()
        for share in ("0", "1"):
            os.unlink(f"{plan}.{share}")
        process = self.begin(plan)
        self.assertEqual(self.show(process.pid)["process"]["state_reason"], "no-share")
        self.assertEqual(threads_of(process.pid)[process.pid][1], self.allowed)


class Reload(Deployment):
    """A process goes to another policy."""

    def reload(self, process, policy):
        """The program has to do something, to notice that it is asked."""
        command = subprocess.Popen([harness.NODEWISE, "reload", str(process.pid), "-p", policy], text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=harness.clean_environment() | MACHINE)
        before = self.show(process.pid)["plan"]["path"]

        def is_done():
            self.tell(process, "create")
            return self.show(process.pid)["plan"]["path"] != before and command.poll() is not None

        wait_until(is_done, "another plan")
        self.assertEqual((command.returncode, command.stderr.read()), (0, ""))
        command.stderr.close()

    def cpus(self, process):
        return threads_of(process.pid)[process.pid][1]

    def test_it_is_listed_where_it_is_and_nowhere_else(self):
        plan, other = self.compiled(name="first.toml"), self.compiled(name="second.toml")
        processes = [self.begin(plan) for _ in range(3)]
        stays = self.begin(other)
        old, new = ledger_with(processes[0].pid), ledger_with(stays.pid)
        moved = processes[1]
        before = self.cpus(moved)
        self.reload(moved, self.path("second.toml"))
        self.assertEqual(self.cpus(moved), before, "it keeps its share")
        self.assertEqual(set(Ledger(old).processes), {processes[0].pid, processes[2].pid})
        self.assertEqual(set(Ledger(new).processes), {stays.pid, moved.pid})
        child, = self.tell(moved, "fork")
        self.assertEqual(set(Ledger(new).processes), {stays.pid, moved.pid, int(child)}, "its children are there, too")

    def test_there_and_back(self):
        """Also by a policy that deals out no shares."""
        plan = self.compiled(name="first.toml")
        none = self.policy('[defaults]\nbind_to = "none"\n', "none.toml")
        first, second = self.begin(plan), self.begin(plan)
        path = ledger_with(first.pid)
        before = self.cpus(second)
        self.assertNotEqual(before, self.cpus(first))
        self.reload(second, none)
        self.assertEqual(set(Ledger(path).processes), {first.pid})
        self.assertGreater(len(self.cpus(second)), len(before))
        child, = self.tell(second, "fork")
        self.assertEqual(set(Ledger(path).processes), {first.pid}, "its children have no share either")
        third = self.begin(plan)
        self.reload(third, none)
        self.reload(third, self.path("first.toml"))
        self.assertEqual(set(Ledger(path).processes), {first.pid, third.pid})
        self.assertEqual(self.cpus(third), before, "the share that is free")


class Holders(Deployment):
    """Somebody keeps the file locked."""

    def held(self, path):
        file = open(path, "rb")
        self.addCleanup(file.close)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def test_a_lock_that_is_not_given_back_is_gone_around(self):
        plan = self.compiled()
        first = self.begin(plan)
        path = ledger_with(first.pid)
        file = self.held(path)
        second = self.begin(plan)
        self.assertNotEqual(os.stat(path).st_ino, os.fstat(file.fileno()).st_ino, "a copy is in its place")
        self.assertEqual(set(Ledger(path).processes), {first.pid, second.pid})
        self.assertIn(f"nodewise[{second.pid}]: active: ", self.log())
        self.assertEqual(self.show(second.pid)["process"]["state_reason"], "ledger-replaced")
        third = self.begin(plan)
        self.assertEqual(self.show(third.pid)["process"]["state_reason"], "ok", "it met no lock")
        self.assertEqual(len(Ledger(path).processes), 3)

    def test_a_stopped_process_is_gone_around_and_counts_when_it_goes_on(self):
        """Stopped at any moment of its start, also in the middle of its claim."""
        plan = self.compiled()
        stays = self.begin(plan)
        path = ledger_with(stays.pid)
        stopped = []
        for _ in range(40):
            process = self.begin(plan, ready=False)
            time.sleep(random.random() * 0.003)
            process.send_signal(signal.SIGSTOP)
            stopped.append(process)
        others = self.begin_many(plan, 4)
        for process in stopped:
            process.send_signal(signal.SIGCONT)
        for process in stopped:
            self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        self.assertEqual(set(Ledger(path).processes), {process.pid for process in (stays, *stopped, *others)})
        self.assert_even(path, 45)

    def test_a_file_that_is_locked_again_and_again_costs_the_even_spread_alone(self):
        plan = self.compiled()
        first = self.begin(plan)
        path = ledger_with(first.pid)
        with open(path + "-copy", "wb"):  # nobody can make another one, as it does not get old
            os.utime(path + "-copy", (time.time() + 3600,) * 2)
        self.addCleanup(lambda: os.path.exists(path + "-copy") and os.unlink(path + "-copy"))
        self.held(path)
        processes = self.begin_many(plan, 6)
        shown = [self.show(process.pid)["process"] for process in processes]
        self.assertEqual({process["state_reason"] for process in shown}, {"no-ledger"})
        for process in processes:
            self.assertLess(len(threads_of(process.pid)[process.pid][1]), len(self.allowed), "it has a share")


class Damage(Deployment):
    def test_garbage_costs_no_program_anything(self):
        plan = self.compiled()
        stays = self.begin(plan)
        path = ledger_with(stays.pid)
        with open(path, "rb") as file:
            sound = file.read()
        spoilers = (lambda data: b"", lambda data: data[:100], lambda data: data[:SLOTS_AT + 10],
                    lambda data: os.urandom(len(data)), lambda data: bytes(len(data)), lambda data: b"\xff" * 100000,
                    lambda data: data[:8] + os.urandom(len(data) - 8),
                    *([lambda data: bytes(byte if random.random() < 0.97 else random.randrange(256) for byte in data)] * 20))
        for number, spoil in enumerate(spoilers):
            with self.subTest(number):
                with open(path, "r+b") as file:
                    file.write(spoil(sound))
                    file.truncate()
                processes = self.begin_many(plan, 4)
                for process in processes:
                    self.assertEqual(process.communicate(timeout=harness.SECONDS)[0], b"")
                    self.assertEqual(process.returncode, 0)
                ledger = Ledger(path)
                self.assertIn(sum(ledger.counts), (0, 1), "mended, and all have ended")

    def test_a_file_that_is_cut_short_while_they_come_ends_none(self):
        plan = self.compiled()
        path = ledger_with(self.begin(plan).pid)
        processes = []
        for _ in range(60):
            processes.append(self.begin(plan, ready=False))
            os.truncate(path, random.choice((0, 100, 5000, 9000)))
        for process in processes:
            self.assertEqual((process.communicate(timeout=harness.SECONDS)[0], process.returncode), (b"ready\n", 0))

    def test_what_is_no_file_of_the_user_is_not_written(self):
        plan = self.compiled()
        first = self.begin(plan)
        path = ledger_with(first.pid)
        first.communicate(timeout=harness.SECONDS)
        makers = {"FIFO": os.mkfifo, "folder": os.mkdir, "link": lambda path: os.symlink(self.path("victim"), path)}
        with open(self.path("victim"), "w"):
            pass
        for what, make in makers.items():
            with self.subTest(what):
                os.unlink(path)
                make(path)
                process = self.begin(plan)
                self.assertEqual(self.show(process.pid)["process"]["state_reason"], "no-ledger")
                self.assertEqual(process.communicate(timeout=harness.SECONDS), (b"", None))
                if what == "folder":
                    os.rmdir(path)
                    os.mkfifo(path)
        self.assertEqual(os.path.getsize(self.path("victim")), 0)


if __name__ == "__main__":
    harness.main()
