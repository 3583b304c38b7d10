"""The program's own affinity calls under each on_app_affinity, and what it is told about the number of CPUs. Two CPUs
are enough: the place of the worker is the first one."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
WAYS = ("sched", "tid", "self", "other", "syscall", "attribute", "early")


class Affinity(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        self.first, self.second = sorted(self.allowed)[:2]

    def place(self, choice):
        return self.policy(f'[[rules]]\nname = "worker"\nmatch = {{ index = "1" }}\ncpus = "{self.first}"\n'
                           f'bind_to = "cpu"\non_app_affinity = "{choice}"\n')

    def own_affinity(self, policy, way, *cpus):
        process = self.start([os.path.join(ZOO, "own_affinity"), way, ",".join(map(str, cpus))], policy,
                             "run" if policy else "plain", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((process.returncode, errors), (0, b""))
        lines = dict(line.split(" ", 1) for line in output.decode().splitlines())
        return cpu_list(lines.pop("worker")), lines

    def check(self, choice, asked, expected):
        _, plain = self.own_affinity(None, "sched", *asked)
        for way in WAYS:
            with self.subTest(way=way, choice=choice):
                got, answers = self.own_affinity(self.place(choice), way, *asked)
                self.assertEqual(got, set(expected))
                answers.pop("set", None)
                self.assertEqual(answers, plain, "each call answers as without us")

    def test_respect(self):
        self.check("respect", [self.second], [self.second])

    def test_clamp_keeps_what_is_within_the_place(self):
        self.check("clamp", [self.first, self.second], [self.first])

    def test_clamp_keeps_the_place_where_nothing_is_within(self):
        self.check("clamp", [self.second], [self.first])

    def test_remap(self):
        self.check("remap", [self.second], [self.first])

    def test_ignore(self):
        self.check("ignore", [self.second], [self.first])

    def test_a_thread_without_a_rule_is_the_programs_own(self):
        policy = self.policy(f'[[rules]]\nname = "other"\nmatch = {{ thread = "nobody" }}\ncpus = "{self.first}"\n')
        for way in WAYS:
            with self.subTest(way=way):
                self.assertEqual(self.own_affinity(policy, way, self.second)[0], {self.second})


class CpuCount(harness.ProgramTest):
    def counts(self, policy):
        process = self.start([os.path.join(ZOO, "counts_cpus")], policy, "run" if policy else "plain",
                             stdout=subprocess.PIPE)
        output, _ = process.communicate(timeout=harness.SECONDS)
        found = {}
        for line in output.decode().splitlines():
            words = line.split()
            found[words[0]] = dict(zip(words[1::2], words[2::2]))
        return found

    def check(self, report, number, cpus):
        """Pinned threads and main are told the same."""
        policy = self.policy(f'[cpu_count]\nreport = {report}\n[defaults]\nbind_to = "cpu"\ncpus = "{cpus}"\n')
        shown = min(number, len(cpu_list(cpus)))
        for who, found in self.counts(policy).items():
            self.assertEqual((found["sysconf"], found["get_nprocs"]), (str(number), str(number)), who)
            self.assertEqual((found["affinity"], found["pthread"], len(cpu_list(found["sysfs"]))), (str(shown),) * 2 + (shown,),
                             who)
            self.assertEqual(found["cpuinfo"], str(shown), who)

    def test_host_is_the_kernels_word(self):
        policy = self.policy('[defaults]\nbind_to = "none"\n')
        self.assertEqual(self.counts(policy), self.counts(None))

    def test_plan(self):
        every, last = ",".join(map(str, sorted(self.allowed))), max(self.allowed)
        self.check('"plan"', len(self.allowed), every)
        self.check('"plan"', 1, str(last))

    def test_the_kernels_times_are_of_the_told_cpus_where_that_is_asked_for(self):
        """Not unless it is: a program that keeps /proc/stat open and reads it again would see no time pass."""
        last = str(max(self.allowed))
        for apis, number in (("", os.sysconf("SC_NPROCESSORS_ONLN")), ('apis = ["stat"]\n', 1)):
            policy = self.policy(f'[cpu_count]\nreport = 1\n{apis}[defaults]\nbind_to = "cpu"\ncpus = "{last}"\n')
            for who, found in self.counts(policy).items():
                self.assertEqual(found["stat"], str(number), who)

    def test_number(self):
        self.check("1", 1, ",".join(map(str, sorted(self.allowed))))

    def test_a_number_above_the_cpus_is_told_alike_by_all_interfaces(self):
        """A policy that was made for a larger machine; `check` refuses it here (E085)."""
        self.check("7", 1, str(max(self.allowed)))

    def test_affinity(self):
        policy = self.policy('[cpu_count]\nreport = "affinity"\n[defaults]\nbind_to = "cpu"\n')
        self.assertEqual({found["affinity"] for found in self.counts(policy).values()}, {str(len(self.allowed))})

    def test_real_programs_believe_it(self):
        policy = self.policy(f'[cpu_count]\nreport = "plan"\n[defaults]\ncpus = "{max(self.allowed)}"\n')
        questions = {"nproc": ["/usr/bin/nproc"],
                     "python": ["/usr/bin/python3", "-c", "import os; print(os.cpu_count())"],
                     "affinity": ["/usr/bin/python3", "-c", "import os; print(len(os.sched_getaffinity(0)))"],
                     "getconf": ["/usr/bin/getconf", "_NPROCESSORS_ONLN"]}
        for name, command in questions.items():
            with self.subTest(program=name):
                self.assertEqual(self.nodewise("run", "-p", policy, "--", *command).strip(), "1")

    def test_variables_are_filled_where_they_are_not_set(self):
        policy = self.policy('[cpu_count]\nreport = 1\nexport = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"]\n')
        script = "echo $OMP_NUM_THREADS $MKL_NUM_THREADS"
        self.assertEqual(self.nodewise("run", "-p", policy, "--", "/bin/sh", "-c", script).split(), ["1", "1"])
        process = self.start(["/bin/sh", "-c", script], policy, environment={"MKL_NUM_THREADS": "5"},
                             stdout=subprocess.PIPE)
        self.assertEqual(process.communicate()[0].split(), [b"1", b"5"])


class Told(harness.ProgramTest):
    """Under `auto`, the default: a thread that the policy has pinned is told the CPUs of the process."""

    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        self.first, self.second = sorted(self.allowed)[:2]
        self.every = ",".join(map(str, sorted(self.allowed)))

    def pinned(self, more="", choice="clamp"):
        """Threads on the first CPU, in a process with all."""
        return self.policy(f'{more}[[rules]]\nname = "all"\nmatch = {{ thread = "nobody" }}\n'
                           f'[[rules]]\nname = "worker"\nmatch = {{ index = "1-" }}\ncpus = "{self.first}"\n'
                           f'bind_to = "cpu"\non_app_affinity = "{choice}"\n')

    def reads(self, policy, *words):
        process = self.start([os.path.join(ZOO, "reads_back"), *words], policy, stdout=subprocess.PIPE)
        lines = process.communicate(timeout=harness.SECONDS)[0].decode().splitlines()
        self.assertEqual(len(lines), len(words))
        found = [line.split()[1::2] for line in lines]
        for sched, pthread, _ in found:
            self.assertEqual(sched, pthread)
        return [(cpu_list(sched), cpu_list(kernel)) for sched, _, kernel in found]

    def test_a_pinned_thread_is_told_what_main_has(self):
        self.assertEqual(self.reads(self.pinned(), "-"), [(set(self.allowed), {self.first})])

    def test_host_is_the_kernels_word_of_the_thread(self):
        policy = self.pinned('[cpu_count]\nreport = "host"\n')
        self.assertEqual(self.reads(policy, "-"), [({self.first}, {self.first})])

    def test_a_thread_reads_back_what_it_set(self):
        """Within its place; all again, as a program restores what it read before; outside of it, where the place stays."""
        first, second, every = {self.first}, {self.second}, set(self.allowed)
        words = [str(self.first), self.every, str(self.second), self.every]
        self.assertEqual(self.reads(self.pinned(), *words), [(first, first), (every, first), (first, first), (every, first)])
        self.assertEqual(self.reads(self.pinned(choice="respect"), *words),
                         [(first, first), (every, every), (second, second), (every, every)])

    def test_so_is_one_that_is_told_another_number(self):
        policy = self.pinned('[cpu_count]\nreport = "plan"\n')
        self.assertEqual(self.reads(policy, str(self.first), "-"), [({self.first}, {self.first})] * 2)

    def test_a_thread_without_a_rule_reads_what_it_set(self):
        policy = self.policy('[cpu_count]\nreport = "affinity"\n[[rules]]\nname = "other"\nmatch = { thread = "nobody" }\n')
        self.assertEqual(self.reads(policy, str(self.second)), [({self.second}, {self.second})])

    def test_other_counts_are_the_kernels(self):
        plain = subprocess.run([os.path.join(ZOO, "counts_cpus")], capture_output=True, text=True, check=True).stdout
        process = self.start([os.path.join(ZOO, "counts_cpus")], self.pinned(), stdout=subprocess.PIPE)
        self.assertEqual(process.communicate(timeout=harness.SECONDS)[0].decode(), plain)


class Sizes(harness.ProgramTest):
    """Variables with the numbers of roles."""

    SCRIPT = ["/bin/sh", "-c", "echo ${IO-none} ${WORK-none} ${ALL-none}"]

    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")

    def sized(self, threads, name="sized.toml"):
        return self.policy('[cpu_count]\nexport = { IO = "rule:io", WORK = "rule:work", ALL = "process" }\n'
                           f'[[rules]]\nname = "io"\nmatch = {{ thread = "io*" }}\ncpus = "{min(self.allowed)}"\n'
                           f'[[rules]]\nname = "work"\nmatch = {{ thread = "work*" }}\nthreads = "{threads}"\n', name)

    def numbers(self, *options, **environment):
        process = self.start(self.SCRIPT, options[0], environment=environment, stdout=subprocess.PIPE)
        return process.communicate(timeout=harness.SECONDS)[0].decode().split()

    def test_each_variable_has_the_number_of_its_rule(self):
        every = str(len(self.allowed))
        self.assertEqual(self.numbers(self.sized("auto")), ["1", every, every])
        self.assertEqual(self.numbers(self.sized("at_most:1")), ["1", "1", every])
        self.assertEqual(self.numbers(self.sized("exactly:999")), ["1", "999", every])

    def test_what_the_user_has_set_stays(self):
        self.assertEqual(self.numbers(self.sized("auto"), IO="7", WORK="")[:1], ["7"])
        self.assertEqual(self.nodewise("env", "--sh", "-p", self.sized("exactly:9")).count("${IO-1}"), 1)

    def test_the_affinity_at_the_start_counts(self):
        policy = self.sized("auto")
        output = subprocess.run(["taskset", "-c", str(max(self.allowed)), harness.NODEWISE, "run", "-p", policy, "--",
                                 *self.SCRIPT], capture_output=True, text=True, env=harness.clean_environment(), check=True)
        self.assertEqual(output.stdout.split(), ["1", "1", "1"])

    def test_a_dry_run_tells_the_variables(self):
        environment = harness.clean_environment() | {"WORK": "7"}
        output = subprocess.run([harness.NODEWISE, "run", "-p", self.sized("auto"), "--dry-run", "--", "/bin/true"],
                                capture_output=True, text=True, env=environment, check=True).stdout
        self.assertIn(f"variables\n  ALL={len(self.allowed)}\n  IO=1\n  WORK=7  (is set already)\n", output)

    def test_one_variable_on_the_command_line(self):
        policy = self.sized("at_most:1")
        self.assertEqual(self.nodewise("run", "-p", policy, "--set", "cpu_count.export.ALL=rule:work", "--",
                                       *self.SCRIPT).split()[2], "1")
        self.assertEqual(self.nodewise("run", "-p", policy, "--set", 'cpu_count.export={ ALL = "rule:io" }', "--",
                                       *self.SCRIPT).split()[2], "1")


if __name__ == "__main__":
    harness.main()
