"""Threads go where the fewest are, and those of other rules, of the program itself and of other processes count."""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

from test_places import Told, ZOO

REFUSE = os.path.join(harness.BUILD, "tests", "abuse", "refuse")
GETPID = {"x86_64": "39", "aarch64": "172"}[os.uname().machine]


class OneProcess(Told):
    """Two CPUs are enough: what one thread has, the other must not get."""

    def rules(self, distribution):
        return self.policy(f'[defaults]\nbind_to = "none"\non_app_affinity = "respect"\n'
                           f'[[rules]]\nname = "other"\nmatch = {{ thread = "other" }}\nbind_to = "cpu"\ncpus = "{self.first}"\n'
                           f'[[rules]]\nname = "bound"\nmatch = {{ thread = "bound" }}\nbind_to = "cpu"\n'
                           f'distribution = "{distribution}"\ncpus = "{self.first},{self.last}"\n')

    def cpus_of(self, pid, name):
        """Of the threads of that name, sorted."""
        found = [cpus for thread, cpus in threads_of(pid).values() if thread == name]
        return sorted(found, key=sorted)

    def test_a_thread_keeps_off_the_cpu_of_another_rules_thread(self):
        for distribution in ("inherit", "compact", "scatter", "least_loaded"):
            with self.subTest(distribution=distribution):
                process = self.told(self.rules(distribution), "create other", "create bound")
                wait_until(lambda: self.cpus_of(process.pid, "bound") == [{self.last}], "the CPU that is free")
                self.assertEqual(self.cpus_of(process.pid, "other"), [{self.first}])

    def test_a_thread_keeps_off_the_cpu_that_another_thread_chose(self):
        for distribution in ("inherit", "compact", "scatter", "least_loaded"):
            with self.subTest(distribution=distribution):
                process = self.told(self.rules(distribution), "create")
                self.threads(process.pid, 1)
                for line in (f"pin 1 {self.first}", "create bound"):
                    self.tell(process, line)
                wait_until(lambda: self.cpus_of(process.pid, "bound") == [{self.last}], "the CPU that is free")
                for line in (f"pin 1 {self.last}", "create bound"):
                    self.tell(process, line)
                wait_until(lambda: self.cpus_of(process.pid, "bound") == [{self.first}, {self.last}], "it was given up")
                for line in ("end 1", "end 2", "create bound"):
                    self.tell(process, line)
                wait_until(lambda: self.cpus_of(process.pid, "bound") == [{self.first}, {self.last}], "its end counts")


class SeveralProcesses(Told):
    """On a board of their own: in a session's folder that no other process knows."""

    def setUp(self):
        super().setUp()
        self.session = tempfile.mkdtemp(prefix="nodewise-board-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, self.session, ignore_errors=True)
        self.board = os.path.join(self.session, "nodewise", "occupancy")
        self.bound = self.policy('[[rules]]\nname = "bound"\nmatch = { thread = "bound" }\nbind_to = "cpu"\n'
                                 f'distribution = "least_loaded"\ncpus = "{self.first},{self.last}"\n')

    def program(self, policy, *lines, **variables):
        return self.told(policy, *lines, environment=self.variables() | variables)

    def variables(self):
        return {"NODEWISE_OCCUPANCY": "user", "XDG_RUNTIME_DIR": self.session}

    def cpus_of(self, process):
        return [cpus for name, cpus in threads_of(process.pid).values() if name == "bound"]

    def on_cpus(self, *processes):
        """The CPUs of their bound threads, once each has one that is bound."""
        def found():
            cpus = [cpu for process in processes for cpu in self.cpus_of(process)]
            return cpus if len(cpus) >= len(processes) and all(len(cpu) == 1 for cpu in cpus) else None

        return sorted(cpu for cpus in wait_until(found, "each bound to a CPU") for cpu in cpus)

    def end(self, *processes):
        for process in processes:
            process.communicate(timeout=harness.SECONDS)

    def test_each_takes_what_the_others_left_whatever_its_policy(self):
        for distribution in ("inherit", "compact", "scatter", "least_loaded"):
            other = self.policy(f'[defaults]\nbind_to = "core"\ncpus = "{self.first},{self.last}"\n'
                                f'distribution = "{distribution}"\n', "other.toml")
            with self.subTest(distribution=distribution):
                programs = [self.program(self.bound, "create bound"), self.program(other, "create bound"),
                            self.program(self.bound, "create bound"), self.program(other, "create bound")]
                self.assertEqual(self.on_cpus(*programs), [self.first, self.first, self.last, self.last])
                self.end(*programs)

    def test_what_ended_or_was_killed_leaves_its_place(self):
        first = self.program(self.bound, "create bound", "create bound", "create bound")
        second = self.program(self.bound, "create bound")
        crowded, = self.on_cpus(second)
        for name, stop in (("ended", self.end), ("killed", subprocess.Popen.kill)):
            with self.subTest(name):
                stop(first)
                first.wait(harness.SECONDS)
                third = self.program(self.bound, "create bound")
                self.assertEqual(self.on_cpus(second, third), [self.first, self.last])
                first = third

    def test_a_process_of_another_pid_namespace_does_not_take_it_for_over(self):
        first = self.program(self.bound, "create bound")
        self.assertEqual(self.on_cpus(first), [self.first])
        other = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\nbind_to = "cpu"\ncpus = "{self.last}"\n', "other.toml")
        subprocess.run(["unshare", "-pf", "--mount-proc", harness.NODEWISE, "run", "-p", other, "--", "true"], check=True,
                       timeout=harness.SECONDS, env=harness.clean_environment() | self.variables())
        second = self.program(self.bound, "create bound")
        self.assertEqual(self.on_cpus(second), [self.last])

    def test_the_doctor_tells_what_others_have(self):
        program = self.program(self.bound, "create bound", "create bound")
        self.on_cpus(program)
        shown = subprocess.run([harness.NODEWISE, "doctor"], capture_output=True, text=True, timeout=harness.SECONDS,
                               env=harness.clean_environment() | {"XDG_RUNTIME_DIR": self.session}).stdout
        self.assertIn("governed processes: 1, with 2 threads", " ".join(shown.split()))

    def test_the_last_process_leaves_no_file(self):
        programs = [self.program(self.bound, "create bound") for _ in range(2)]
        self.on_cpus(*programs)
        self.end(programs[0])
        self.assertTrue(os.path.exists(self.board))
        self.end(programs[1])
        self.assertFalse(os.path.exists(self.board))

    def test_a_process_whose_threads_ended_leaves_no_file(self):
        program = self.program(self.bound, "create bound")
        self.on_cpus(program)
        self.tell(program, "end 1")
        wait_until(lambda: not os.path.exists(self.board), "the board is empty")
        self.end(program)
        self.assertFalse(os.path.exists(self.board))

    def test_a_process_that_may_not_ask_for_its_number_is_known_by_it(self):
        """A filter answers getpid with an error: -1 means all processes to kill(2), and nobody's end is seen."""
        plan = self.path("bound.plan")
        self.nodewise("compile", "-p", self.bound, "-o", plan)
        process = self.start([REFUSE, GETPID, "1", f"LD_PRELOAD={harness.SHIM}", os.path.join(ZOO, "does_as_told")], way="plain",
                             environment=self.variables() | {"NODEWISE_PLAN": plan, "NODEWISE_FILTER": "try"},
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.tell(process, "create bound")
        self.assertEqual(self.on_cpus(process), [self.first])
        with open(self.board, "rb") as file:
            self.assertIn(struct.pack("<I", process.pid), file.read())

    def test_a_thread_that_ended_leaves_its_place_to_other_processes(self):
        first = self.program(self.bound, "create bound")
        taken, = self.on_cpus(first)
        self.tell(first, "end 1")
        second = self.program(self.bound, "create bound")
        self.assertEqual(self.on_cpus(second), [self.first])
        self.assertEqual(taken, self.first)

    def test_forked_children_keep_out_of_each_others_way(self):
        first = self.program(self.bound, "create bound")
        child = int(self.tell(first, "fork")[0])
        self.tell(first, "create bound")
        self.assertEqual([cpus for name, cpus in threads_of(child).values() if name == "bound"], [{self.last}])

    def test_what_a_program_chose_is_seen_by_other_processes(self):
        first = self.program(self.policy('[defaults]\nbind_to = "none"\non_app_affinity = "respect"\n', "free.toml"), "create")
        self.threads_in_session(first, 1)
        self.tell(first, f"pin 1 {self.first}")
        second = self.program(self.bound, "create bound")
        self.assertEqual(self.on_cpus(second), [self.last])

    def threads_in_session(self, process, count):
        wait_until(lambda: len(threads_of(process.pid)) > count, f"{count} threads")
        wait_until(lambda: all(cpus == self.allowed for _, cpus in threads_of(process.pid).values()), "placed")

    def test_a_process_may_do_without(self):
        for _ in range(2):
            self.assertEqual(self.on_cpus(self.program(self.bound, "create bound", NODEWISE_OCCUPANCY="process")), [self.first])
        self.assertFalse(os.path.exists(self.board))

    def test_a_board_that_is_cut_short_or_nonsense_is_made_anew(self):
        first = self.program(self.bound, "create bound")
        for damage in (b"", os.urandom(5000), b"\xff" * 100000):
            with self.subTest(size=len(damage)):
                with open(self.board, "wb") as file:
                    file.write(damage)
                second = self.program(self.bound, "create bound")
                third = self.program(self.bound, "create bound")
                self.assertEqual(self.on_cpus(second, third), [self.first, self.last])
                self.end(second, third)
        self.assertIsNone(first.poll())

    def test_processes_that_do_not_get_the_lock_do_not_all_choose_the_same(self):
        os.makedirs(os.path.dirname(self.board), mode=0o700)
        with open(self.board, "wb") as held:
            os.chmod(self.board, 0o600)
            fcntl.flock(held, fcntl.LOCK_EX)
            later = time.time() + 10 * harness.SECONDS # the file of one that works on
            os.utime(self.board, (later, later))
            taken = set()
            for _ in range(20): # any one begins with either
                taken.update(self.on_cpus(self.program(self.bound, "create bound")))
                if len(taken) == 2:
                    break
            self.assertEqual(sorted(taken), [self.first, self.last])
            self.assertEqual(os.stat(self.board).st_size, 0)

    def test_who_keeps_the_lock_is_left_behind(self):
        """A stopped process: others go without at first, and begin a new board when it has not moved for seconds."""
        os.makedirs(os.path.dirname(self.board), mode=0o700)
        with open(self.board, "wb"):
            os.chmod(self.board, 0o600)
        os.utime(self.board, (0, 0))
        with open(self.board, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            programs = [self.program(self.bound, "create bound") for _ in range(2)]
            self.assertEqual(self.on_cpus(*programs), [self.first, self.last])
            self.assertNotEqual(os.stat(self.board).st_ino, os.fstat(held.fileno()).st_ino)


if __name__ == "__main__":
    harness.main()
