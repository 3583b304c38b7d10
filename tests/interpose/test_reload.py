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

    def test_a_rank_keeps_its_share(self):
        """Whatever the distribution: where the machine has fewer shares than ranks, they divide one."""
        rules = '[[rules]]\nname = "{0}"\nmatch = {{ thread = "{0}" }}\n[defaults]\nbind_to = "none"\n'
        without = self.policy(rules.format("third"), "without.toml")
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
                self.assertEqual([self.show(process.pid)["plan"]["path"] for process in ranks], plans, "of the same GPU, too")
                for process in ranks:
                    self.reload_told(process, without)
                    self.assertEqual(self.cpus_with_a_new_thread(process), self.allowed)
                    self.end(process)

    def test_who_does_nothing_takes_it_when_he_does(self):
        self.nodewise("reload", "1", "-p", self.two, code=4)
        process = self.program("does_as_told")
        process.stdin.write(b"create\n")
        process.stdin.flush()
        process.stdout.readline()
        wait_until(lambda: list(self.cpus(process).values()) == [{self.first}], "placed by the first policy")
        done = subprocess.run([harness.NODEWISE, "reload", str(process.pid), "-p", self.two, "--wait", "0.3"],
                              env=harness.clean_environment(), capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("as soon as it runs again", done.stderr)
        self.assertEqual(list(self.cpus(process).values()), [{self.first}], "no hook was passed")
        process.stdin.write(b"create\n")
        process.stdin.flush()
        wait_until(lambda: list(self.cpus(process).values()) == [{self.last}] * 2, "the second policy for both")


if __name__ == "__main__":
    harness.main()
