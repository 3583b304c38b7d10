"""Another policy for a running program (`nodewise reload`)."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

ZOO = os.path.join(harness.BUILD, "tests", "interpose")


def cpu_text(cpus):
    """As the kernel writes it; for the sets without gaps that machines for tests have."""
    return str(min(cpus)) if len(cpus) == 1 else f"{min(cpus)}-{max(cpus)}"


class Reload(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.first, self.last = min(self.allowed), max(self.allowed)
        self.one = self.policy(f'[defaults]\ncpus = "{self.first}"\nbind_to = "cpu"\n', "one.toml")
        self.two = self.policy(f'[[rules]]\nname = "workers"\nmatch = {{ index = "1-" }}\ncpus = "{self.last}"\n'
                               'bind_to = "cpu"\n', "two.toml")

    def program(self, name, *arguments, **more):
        process = self.start([os.path.join(ZOO, name), *arguments], self.one, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             **more)
        process.stdout.readline()
        self.wait_until_seen(process.pid)
        return process

    def cpus(self, process):
        return {tid: cpus for tid, (name, cpus) in threads_of(process.pid).items()
                if tid != process.pid and name != "nodewise-worker"}

    def test_threads_that_are_there_and_those_that_come(self):
        process = self.program("some_are_busy", "4", "4") # the others sleep a little, again and again
        wait_until(lambda: list(self.cpus(process).values()) == [{self.first}] * 4, "placed by the first policy")
        answer = json.loads(self.nodewise("reload", str(process.pid), "-p", self.two, "--json"))
        self.assertEqual({thread["rule"] for thread in answer["changed"]}, {"workers", "(base)"})
        self.assertEqual(list(self.cpus(process).values()), [{self.last}] * 4)
        self.assertEqual(threads_of(process.pid)[process.pid][1], self.allowed, "main has the new union")
        self.nodewise("verify", str(process.pid))
        self.nodewise("reload", str(process.pid), "-p", self.one)
        self.assertEqual(list(self.cpus(process).values()), [{self.first}] * 4)
        self.assertEqual(process.communicate(b"\n", timeout=harness.SECONDS)[0], b"")
        self.assertEqual(process.returncode, 0)

    def test_under_a_program_that_never_stands_still(self):
        report = self.path("report.json")
        process = self.program("never_stands_still", way="preload", environment={"NODEWISE_REPORT": report})
        policies = [self.one, self.two,
                    self.policy('[[rules]]\nname = "even"\nmatch = { thread = "even-*" }\nbind_to = "cpu"\nexclusive = true\n'
                                '[[rules]]\nname = "short"\nmatch = { start_function = "short_life" }\nbind_to = "core"\n'
                                '[defaults]\nmemory = { arena = "process", policy = "interleave" }\n', "three.toml")]
        for i in range(24):
            self.nodewise("reload", str(process.pid), "-p", policies[i % 3])
        output, _ = process.communicate(b"\n", timeout=harness.SECONDS)
        self.assertEqual((output, process.returncode), (b"many rounds, 0 mistakes\n", 0))
        with open(report, encoding="utf-8") as file:
            told = json.load(file)
        self.assertEqual(told["process"]["threads_started"] - told["process"]["threads_ended"], 1, "main is left")
        self.assertEqual(sum(rule["live"] for rule in told["rules"]), 1, told["rules"])

    def test_what_tells_a_fork_stays_where_it_is(self):
        """Whoever read it while it was made anew took the process for a copy of itself, in which the others are gone."""
        def wiped_on_fork(pid):
            with open(f"/proc/{pid}/smaps", encoding="ascii") as file:
                areas = re.findall(r"^([0-9a-f]+-[0-9a-f]+) .*?^VmFlags:([^\n]*)", file.read(), re.S | re.M)
            return [area for area, flags in areas if "wf" in flags.split()]

        process = self.program("some_are_busy", "2", "2")
        before = wiped_on_fork(process.pid)
        self.assertEqual(len(before), 1)
        for policy in self.two, self.one, self.two:
            self.nodewise("reload", str(process.pid), "-p", policy)
            self.assertEqual(wiped_on_fork(process.pid), before)

    def test_arenas_of_threads_without_a_rule(self):
        def policy(name, *arenas):
            return self.policy("".join(f'[[rules]]\nname = "nobody-{i}"\nmatch = {{ thread = "nobody-{i}" }}\n'
                                       f'memory = {{ arena = "{arena}" }}\n' for i, arena in enumerate(arenas)), name)

        def size():
            process.stdin.write(b"\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        process = self.start([os.path.join(ZOO, "tells_whose_malloc")], None, "plain", stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        theirs = size()
        process = self.start([os.path.join(ZOO, "tells_whose_malloc")], policy("few.toml", "node"), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        ours = size()
        self.assertNotEqual(ours, theirs)
        self.nodewise("reload", str(process.pid), "-p", policy("many.toml", "node", "off", "node"))
        self.assertEqual(size(), ours)
        self.nodewise("reload", str(process.pid), "-p", self.policy('[defaults]\nmemory = { arena = "off" }\n', "off.toml"))
        self.assertEqual(size(), theirs)
        self.nodewise("reload", str(process.pid), "-p", policy("few.toml", "node"))
        self.assertEqual(size(), ours)

    def test_a_policy_that_is_not_for_it(self):
        process = self.program("some_are_busy", "2", "2")
        other = self.policy('[target]\nexe = "/usr/bin/other"\n[defaults]\nbind_to = "cpu"\n', "other.toml")
        self.nodewise("reload", str(process.pid), "-p", other, code=1)
        self.assertEqual(list(self.cpus(process).values()), [{self.first}] * 2)
        broken = self.policy('[defaults]\nbind_to = "nothing"\n', "broken.toml")
        self.nodewise("reload", str(process.pid), "-p", broken, code=2)

    def test_what_the_first_policy_did_not_ask_about_the_process(self):
        process = self.program("some_are_busy", "2", "2")
        other = self.policy('[target]\nexe = "*/some_are_busy"\nargv = "*some_are_busy 2 2"\n[[rules]]\nname = "all"\n'
                            f'match = {{ process_argv = "*2 2", index = "1-" }}\ncpus = "{self.last}"\n', "asks.toml")
        self.nodewise("reload", str(process.pid), "-p", other)
        self.assertEqual(list(self.cpus(process).values()), [{self.last}] * 2)

    def tell(self, process, line):
        process.stdin.write(line + b"\n")
        process.stdin.flush()
        return process.stdout.readline()

    def reload_told(self, process, policy):
        """Of a program that waits for its input, and so does nothing in which it could take the policy."""
        command = subprocess.Popen([harness.NODEWISE, "reload", str(process.pid), "-p", policy], env=harness.clean_environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.end, command)
        wait_until(lambda: self.tell(process, b"create") and command.poll() is not None, "taken")
        self.assertEqual(command.returncode, 0, command.stdout.read())

    def cpus_with_a_new_thread(self, process):
        """What all threads have, and one that comes now; those that came during the reload get theirs a little later."""
        def sets():
            return {frozenset(cpus) for cpus in [*self.cpus(process).values(), threads_of(process.pid)[process.pid][1]]}

        self.tell(process, b"create")
        wait_until(lambda: len(sets()) == 1, "all have the same")
        return set(sets().pop())

    def test_a_thread_that_names_itself_meanwhile_gets_the_rule_of_its_name(self):
        """Its creation is what makes a sleeping process look at the request, so it begins while the policies change."""
        process = self.program("does_as_told")
        named = self.policy(f'[[rules]]\nname = "io"\nmatch = {{ thread = "io" }}\ncpus = "{self.last}"\nbind_to = "cpu"\n', "named.toml")
        self.nodewise("reload", str(process.pid), "-p", named)
        self.tell(process, b"create io")
        wait_until(lambda: list(self.cpus(process).values()) == [{self.last}], "the rule of its name")
        self.assertEqual(process.communicate(timeout=harness.SECONDS)[0], b"")

    def test_a_rank_keeps_its_share(self):
        """Whatever the distribution: where the machine has fewer shares than ranks, they divide one."""
        rules = '[[rules]]\nname = "{0}"\nmatch = {{ thread = "{0}" }}\n[defaults]\nbind_to = "none"\n'
        without = self.policy('[process]\ndistribution = "none"\n' + rules.format("third"), "without.toml")
        for distribution in ("ranks", "compact", "scatter", "round_robin", "least_loaded"):
            with self.subTest(distribution):
                first, second = (self.policy(f'[process]\ndistribution = "{distribution}"\n' + rules.format(name), f"{name}.toml")
                                 for name in ("first", "second"))
                ranks = [self.start([os.path.join(ZOO, "does_as_told")], first, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    environment={"OMPI_COMM_WORLD_LOCAL_RANK": rank, "OMPI_COMM_WORLD_LOCAL_SIZE": "2"})
                         for rank in ("0", "1")]
                for process in ranks:
                    process.stdout.readline()
                    self.wait_until_seen(process.pid)
                shares = [self.cpus_with_a_new_thread(process) for process in ranks]
                plans = [self.show(process.pid)["plan"]["path"] for process in ranks]
                self.assertFalse(shares[0] & shares[1], shares)
                for policy in second, first:
                    for process in ranks:
                        self.reload_told(process, policy)
                    self.assertEqual([self.cpus_with_a_new_thread(process) for process in ranks], shares)
                wait_until(lambda: [self.show(process.pid)["plan"]["path"] for process in ranks] == plans,
                           "the plan is that of the same GPU, too")
                for process in ranks:
                    self.reload_told(process, without)
                    self.assertEqual(self.cpus_with_a_new_thread(process), self.allowed)
                    self.end(process)

    def test_who_does_nothing_is_placed_from_outside_and_takes_it_when_he_does(self):
        self.nodewise("reload", "1", "-p", self.two, code=4)
        process = self.program("does_as_told")
        self.tell(process, b"create")
        wait_until(lambda: list(self.cpus(process).values()) == [{self.first}], "placed by the first policy")
        answer = json.loads(self.nodewise("reload", str(process.pid), "-p", self.two, "--wait", "0.3", "--json"))
        self.assertEqual({(thread["rule"], thread["asked"], thread["outcome"]) for thread in answer["changed"]},
                         {("workers", str(self.last), "strict"), ("(base)", cpu_text(self.allowed), "strict")})
        self.assertEqual((answer["from_outside"], answer["waits"]), (True, ["arenas", "new threads"]))
        self.assertEqual(list(self.cpus(process).values()), [{self.last}], "no hook was passed")
        self.tell(process, b"create")
        wait_until(lambda: list(self.cpus(process).values()) == [{self.last}] * 2, "the second policy for both")
        wait_until(lambda: {rule["name"] for rule in self.show(process.pid)["rules"]} >= {"workers"}, "it is taken")
        self.assertEqual(list(self.cpus(process).values()), [{self.last}] * 2)
        self.nodewise("verify", str(process.pid))

    def python(self, script, policy):
        process = self.start(["/usr/bin/python3", "-u", "-c", script], policy, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def test_threads_that_sleep_or_compute(self):
        """None of them passes a hook: each waits in the kernel, or counts."""
        sleeping = ("import threading\nbarrier = threading.Barrier(3)\n"
                    "def work():\n barrier.wait(); lock.acquire()\nlock = threading.Lock(); lock.acquire()\n"
                    "threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]\n[t.start() for t in threads]\n"
                    "barrier.wait(); print('ready'); input()")
        computing = ("import threading\nbarrier = threading.Barrier(3)\n"
                     "def work():\n barrier.wait()\n while True: pow(3, 99999, 7)\n"
                     "threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]\n[t.start() for t in threads]\n"
                     "barrier.wait(); print('ready'); input()")
        for script in sleeping, computing:
            with self.subTest(script=script):
                process = self.python(script, self.one)
                wait_until(lambda: list(self.cpus(process).values()) == [{self.first}] * 2, "placed by the first policy")
                for policy, cpu in ((self.two, self.last), (self.one, self.first), (self.two, self.last)):
                    self.nodewise("reload", str(process.pid), "-p", policy)
                    self.assertEqual(list(self.cpus(process).values()), [{cpu}] * 2)
                process.kill()

    def test_what_waits_for_the_program_is_said(self):
        process = self.program("does_as_told")
        policy = self.policy(f'[defaults]\ncpus = "{self.last}"\nrename = "mine{{n}}"\nmemory = {{ policy = "preferred", stack = "local" }}\n',
                             "waits.toml")
        output = self.nodewise("reload", str(process.pid), "-p", policy, "--wait", "0.2")
        self.assertIn("sleeps or computes: 1 of 1 threads have their CPUs from outside, read back\n"
                      "waits for the program: memory policies, stacks, arenas, names, new threads\n", output)

    def test_a_sleeping_program_that_is_no_target_keeps_its_cpus(self):
        process = self.program("does_as_told")
        before = threads_of(process.pid)
        policy = self.policy(f'[target]\ncomm = "other"\n[defaults]\ncpus = "{self.last}"\n', "other.toml")
        self.nodewise("reload", str(process.pid), "-p", policy, "--wait", "0.2", code=1)
        self.assertEqual(threads_of(process.pid), before)

    def test_what_the_program_chose_stays_as_the_new_rule_says(self):
        script = ("import os, threading\ndone = threading.Barrier(2)\ndef work():\n"
                  f" os.sched_setaffinity(threading.get_native_id(), {{{self.first}}}); done.wait(); lock.acquire()\n"
                  "lock = threading.Lock(); lock.acquire()\nthreading.Thread(target=work, daemon=True).start()\n"
                  "done.wait(); print('ready')\nwhile input(): bytearray(1 << 22); print('ready')")
        rule = '[[rules]]\nname = "all"\nmatch = {{ index = "1-" }}\ncpus = "{}"\non_app_affinity = "{}"\n'
        every = cpu_text(self.allowed)
        for choice, place, expected in (("respect", self.last, self.first), ("clamp", self.last, self.last),
                                        ("clamp", every, self.first)):
            for asleep in True, False:
                with self.subTest(choice=choice, place=place, asleep=asleep):
                    process = self.python(script, self.policy(rule.format(every, "respect"), "before.toml"))
                    self.assertEqual(list(self.cpus(process).values()), [{self.first}])
                    policy = self.policy(rule.format(place, choice), "after.toml")
                    self.nodewise("reload", str(process.pid), "-p", policy, "--wait", "0.2" if asleep else "10")
                    self.assertEqual(list(self.cpus(process).values()), [{expected}])
                    path = self.show(process.pid)["plan"]["path"]
                    wait_until(lambda: self.tell(process, b"on") and self.show(process.pid)["plan"]["path"] != path, "it is taken")
                    self.assertEqual(list(self.cpus(process).values()), [{expected}])
                    process.kill()

    def test_there_and_back_a_hundred_times_leaves_nothing(self):
        """Mappings, descriptors and memory are as after the first times, and each policy has one plan."""
        def state(process):
            # the library's own thread, which carries a reload out in a sleeping program, has a stack while it lives
            wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/task")) == threads, "the program's threads alone")
            with open(f"/proc/{process.pid}/maps", encoding="utf-8") as file:
                maps = len(file.readlines())
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                resident = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
            return (maps, len(os.listdir(f"/proc/{process.pid}/fd"))), resident

        more = self.policy("".join(f'[[rules]]\nname = "more-{i}"\nmatch = {{ thread = "more-{i}" }}\nexclusive = true\n' for i in range(100)) +
                           f'[defaults]\ncpus = "{self.last}"\n', "more.toml")
        process = self.program("some_are_busy", "4", "4")
        threads = 1 + 4
        plans = set()
        for i in range(110):
            if i == 10:
                before, resident = state(process)
            self.nodewise("reload", str(process.pid), "-p", (self.two, more)[i % 2])
            plans.add(self.show(process.pid)["plan"]["path"])
        self.assertEqual(len(plans), 2)
        # and the stack goes after its thread
        after, grown = wait_until(lambda: next((now for now in [state(process)] if now[0] == before), None), f"{before} again")
        self.assertLess(grown - resident, 512, "KiB")


if __name__ == "__main__":
    harness.main()
