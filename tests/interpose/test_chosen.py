"""What a governed program chooses for itself before it becomes another one: taskset, numactl, hwloc-bind, and its own
calls. Two CPUs are enough: a program's place is the first, its choice the second."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
TELL = ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"]


class Chosen(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        self.first, self.second = sorted(self.allowed)[:2]
        self.every = ",".join(map(str, sorted(self.allowed)))
        # Places of one CPU each, so that every choice of one is a mask that the plan gives out as well.
        self.spread = self.policy('[defaults]\nbind_to = "cpu"\n', "spread.toml")

    def main_on(self, cpu, choice, more=""):
        return self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{cpu}"\nbind_to = "cpu"\n'
                           f'on_app_affinity = "{choice}"\n{more}', f"main-{cpu}-{choice}.toml")

    def cpus(self, policy, *command, way="run", environment=None):
        process = self.start([*command, *TELL], policy, way, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((process.returncode, errors), (0, b""), command)
        return [cpu_list(line.split()[-1]) for line in output.decode().splitlines()]

    def zoo(self, way, policy, cpu=None, **more):
        return self.cpus(policy, os.path.join(ZOO, "chooses_then_becomes"), way, str(self.second if cpu is None else cpu), **more)


class Tools(Chosen):
    """A tool that is governed itself, as everything that a governed shell starts."""

    def check(self, *command, expected=None):
        expected = {self.second} if expected is None else expected
        for way in ("run", "preload"):
            with self.subTest(command=command[0], way=way):
                self.assertEqual(self.cpus(self.spread, *command, way=way), [expected])
        with self.subTest(command=command[0], way="of a shell that is governed"):
            self.assertEqual(self.cpus(self.spread, "sh", "-c", '"$@"; :', "sh", *command), [expected])
        with self.subTest(command=command[0], way="for what it starts"):
            self.assertEqual(self.cpus(self.spread, *command, "sh", "-c", '"$@"; "$@" | cat; :', "sh"), [expected] * 2)

    def test_taskset(self):
        self.check("taskset", "-c", str(self.second))
        self.check("taskset", "-c", str(self.first), expected={self.first})

    def test_taskset_of_all_cpus(self):
        policy = self.main_on(self.first, "respect")
        self.assertEqual(self.cpus(policy, "taskset", "-c", self.every), [self.allowed])

    def test_numactl(self):
        self.check("numactl", "-C", str(self.second))

    def test_hwloc_bind(self):
        self.check("hwloc-bind", "--quiet", "--physical", f"pu:{self.second}", "--")

    def test_one_after_the_other(self):
        self.check("chrt", "-b", "0", "nice", "taskset", "-c", str(self.second), "env", "A=b")
        self.check("taskset", "-c", str(self.first), "taskset", "-c", str(self.second))

    def test_a_tool_that_is_no_target(self):
        policy = self.policy('[target]\ncomm = ["grep", "sh"]\n[defaults]\nbind_to = "cpu"\n', "target.toml")
        self.assertEqual(self.cpus(policy, "taskset", "-c", str(self.second), way="preload"), [{self.second}])
        self.assertEqual(self.cpus(policy, "sh", "-c", f'taskset -c {self.second} numactl --localalloc "$@"; :', "sh"),
                         [{self.second}])
        policy = self.policy('[target]\ncomm = "sh"\n[defaults]\nbind_to = "cpu"\n', "target.toml")
        self.assertEqual(self.cpus(policy, "sh", "-c", f'taskset -c {self.second} "$@"; :', "sh"), [{self.second}])

    def test_a_tool_that_is_no_target_by_its_path(self):
        """Which is found out without looking at anything."""
        target = f'[target]\nexe = "{os.path.realpath("/bin/grep")}"\n'
        policy = self.policy(f'{target}[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.first}"\n'
                             'on_app_affinity = "respect"\n', "path.toml")
        self.assertEqual(self.cpus(policy, "taskset", "-c", str(self.second), way="preload"), [{self.second}])
        self.assertEqual(self.cpus(policy, "sh", "-c", f'taskset -c {self.second} "$@"; :', "sh", way="preload"), [{self.second}])
        self.assertEqual(self.cpus(policy, way="preload"), [{self.first}])

    def test_threads_are_placed_within_it(self):
        script = ("import os, threading\ndef tell(): print(sorted(os.sched_getaffinity(0)), flush=True)\n"
                  "for _ in range(4):\n t = threading.Thread(target=tell); t.start(); t.join()")
        for choice in ("respect", "clamp"):
            policy = self.policy(f'[defaults]\nbind_to = "cpu"\non_app_affinity = "{choice}"\n', "threads.toml")
            process = self.start(["taskset", "-c", str(self.second), "python3", "-c", script], policy, stdout=subprocess.PIPE)
            self.assertEqual(set(process.communicate(timeout=harness.SECONDS)[0].decode().split("\n")), {f"[{self.second}]", ""})

    def test_the_view_says_whose_it_is(self):
        process = self.start(["taskset", "-c", str(self.second), "sleep", "60"], self.spread)
        harness.wait_until(lambda: harness.threads_of(process.pid)[process.pid][0] == "sleep", "exec")
        self.wait_until_seen(process.pid)
        harness.wait_until(lambda: self.show(process.pid)["process"]["comm"] == "sleep", "it is shown")
        main = self.show(process.pid)["threads"][0]
        self.assertEqual((cpu_list(main["now"]), main["reason"]), ({self.second}, "app-kept"))


class Policies(Chosen):
    """on_app_affinity of the rule of the program that follows."""

    def after_taskset(self, policy):
        return self.cpus(policy, "taskset", "-c", str(self.second))

    def test_respect(self):
        self.assertEqual(self.after_taskset(self.main_on(self.first, "respect")), [{self.second}])

    def test_clamp_keeps_the_place_where_nothing_is_within(self):
        self.assertEqual(self.after_taskset(self.main_on(self.first, "clamp")), [{self.first}])

    def test_clamp_keeps_what_is_within(self):
        policy = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.every}"\n'
                             'bind_to = "none"\non_app_affinity = "clamp"\n')
        self.assertEqual(self.after_taskset(policy), [{self.second}])

    def test_ignore(self):
        self.assertEqual(self.after_taskset(self.main_on(self.first, "ignore")), [{self.first}])
        policy = self.policy(f'[[rules]]\nname = "grep"\nmatch = {{ process_comm = "grep", main = true }}\ncpus = "{self.first}"\n'
                             'bind_to = "cpu"\non_app_affinity = "ignore"\n')
        self.assertEqual(self.after_taskset(policy), [{self.first}])

    def test_remap(self):
        policy = self.policy(f'[[rules]]\nname = "grep"\nmatch = {{ process_comm = "grep", main = true }}\ncpus = "{self.first}"\n'
                             'bind_to = "cpu"\non_app_affinity = "remap"\n')
        self.assertEqual(self.after_taskset(policy), [{self.first}])

    def test_a_placed_thread_that_merely_execs_is_no_choice(self):
        """It gets back what the process was started with, within what an ancestor chose."""
        policy = self.policy(f'[target]\ncomm = "sh"\n[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.first}"\n'
                             'bind_to = "cpu"\n')
        self.assertEqual(self.cpus(policy, "sh", "-c", '"$@"; :', "sh"), [self.allowed])
        self.assertEqual(self.cpus(policy, "sh", "-c", 'exec "$@"', "sh"), [self.allowed])

    def test_memory(self):
        """What the kernel says of the program that follows; the memory of this machine's first node is everywhere."""
        policies = {"respect": "policy: bind", "clamp": "policy: bind", "ignore": "policy: preferred"}
        for choice, expected in policies.items():
            with self.subTest(choice=choice):
                policy = self.policy('[[rules]]\nname = "main"\nmatch = { main = true }\nbind_to = "cpu"\n'
                                     f'memory = {{ policy = "preferred" }}\non_app_affinity = "{choice}"\n', choice + ".toml")
                process = self.start(["numactl", "-m", "0", "numactl", "--show"], policy, stdout=subprocess.PIPE)
                self.assertIn(expected, process.communicate(timeout=harness.SECONDS)[0].decode().splitlines())


class Calls(Chosen):
    def test_every_way_to_choose(self):
        policy = self.policy('[defaults]\nbind_to = "cpu"\non_app_affinity = "respect"\n', "respect.toml")
        for way in ("sched", "syscall", "fork", "clone", "vfork", "before-fork", "thread", "copied"):
            for cpu in self.first, self.second:
                with self.subTest(way=way, cpu=cpu):
                    self.assertEqual(self.zoo(way, policy, cpu), [{cpu}])

    def test_what_is_set_back_is_no_choice(self):
        policy = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.first}"\nbind_to = "cpu"\n'
                             'on_app_affinity = "respect"\n[target]\ncomm = "chooses_then_be"\n')
        self.assertEqual(self.zoo("back", policy), [self.allowed])
        self.assertEqual(self.zoo("none", policy), [self.allowed])

    def test_a_fork_keeps_it(self):
        script = ("import os\nos.sched_setaffinity(0, {%d})\nif os.fork() == 0:\n print(*os.sched_getaffinity(0), flush=True)\n"
                  " os._exit(0)\nos.wait()" % self.second)
        process = self.start(["python3", "-c", script], self.main_on(self.first, "respect"), stdout=subprocess.PIPE)
        self.assertEqual(process.communicate(timeout=harness.SECONDS)[0].decode(), f"{self.second}\n")

    def test_the_environment_grows_by_no_more_than_one_variable(self):
        def names(way):
            process = self.start(["taskset", "-c", str(self.second), "env"], self.spread, way, stdout=subprocess.PIPE)
            return {line.split("=")[0] for line in process.communicate()[0].decode().splitlines()}

        self.assertEqual(names("run") - names("plain"), {"LD_PRELOAD", "NODEWISE_PLAN", "NODEWISE_CHOSEN"})

    def test_an_environment_without_ours_stays_so(self):
        process = self.start(["env", "-i", "taskset", "-c", str(self.second), "env"], self.spread, stdout=subprocess.PIPE)
        self.assertEqual(process.communicate()[0], b"")


if __name__ == "__main__":
    harness.main()
