"""Where a thread comes from, and who asks: through a library of the program's own (zoo/asks_through_a_library.c)."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, wait_until

PROGRAM = os.path.join(harness.BUILD, "tests", "interpose", "asks_through_a_library")
BY_PROGRAM, BY_LIBRARY, BY_CALLBACK = 1, 2, 3  # the threads, in the order of their making


class Origins(harness.ProgramTest):
    def rules_of(self, match, command=(PROGRAM,), inner=False):
        """Which of the three threads match."""
        policy = self.policy(f'[target]\nexe = "{PROGRAM}"\n[[rules]]\nname = "it"\nmatch = {{ {match}, index = "1-" }}\n'
                             'bind_to = "cpu"\n[defaults]\nbind_to = "none"\n')
        process = self.start(list(command), policy, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        pid = self.child_of(process.pid) if inner else process.pid

        def listed():
            threads = [thread for thread in self.show(pid)["threads"] if not thread["main"]]
            return threads if len(threads) == 3 else None

        self.wait_until_seen(pid)
        return {thread["index"] for thread in wait_until(listed, "three threads") if thread["rule"] == "it"}

    @staticmethod
    def child_of(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def test_each_key_says_what_it_means(self):
        cases = [
            ('creator_library = "libmiddle.so"', {BY_LIBRARY}),
            ('creator_library = "asks_through_a_library"', {BY_PROGRAM, BY_CALLBACK}),
            ('creator_function = "middle_makes"', {BY_LIBRARY}),
            ('creator_function = "middle_calls_back"', set()),
            ('stack_library = "libmiddle.so"', {BY_LIBRARY, BY_CALLBACK}),
            ('stack_library = "*/libmiddle.so"', {BY_LIBRARY, BY_CALLBACK}),
            ('stack_library = "libother.so"', set()),
            ('stack_function = "middle_calls_back"', {BY_CALLBACK}),
            ('stack_function = ["middle_makes", "middle_calls_*"]', {BY_LIBRARY, BY_CALLBACK}),
            (f'process_exe = "{PROGRAM}"', {BY_PROGRAM, BY_LIBRARY, BY_CALLBACK}),
            ('process_exe = "asks_through_*"', {BY_PROGRAM, BY_LIBRARY, BY_CALLBACK}),
            ('process_exe = "/usr/bin/other"', set()),
        ]
        for match, expected in cases:
            with self.subTest(match=match):
                self.assertEqual(self.rules_of(match), expected)

    def test_the_parents_name(self):
        """A shell that waits for the program, with something left to do."""
        for name, expected in (("sh", {BY_PROGRAM, BY_LIBRARY, BY_CALLBACK}), ("bash", set())):
            with self.subTest(name=name):
                command = ["sh", "-c", f"{PROGRAM}; :"]
                self.assertEqual(self.rules_of(f'parent_comm = "{name}"', command, inner=True), expected)

    def test_the_library_that_asked_is_named(self):
        """Neither the program, nor the thread, whose name is another one by then."""
        first, last = min(self.allowed), max(self.allowed)
        policy = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{first}"\nbind_to = "cpu"\n')
        report = self.path("report.json")
        process = self.start([harness.NODEWISE, "run", "-p", policy, "--report", report, "--", PROGRAM, str(last)], way="plain",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.communicate(b"\n", timeout=harness.SECONDS)
        with open(report, encoding="utf-8") as file:
            asked = [event for event in json.load(file)["events"] if event["kind"] == "affinity"]
        self.assertEqual([(event["text"], event["reason"]) for event in asked], [("libmiddle.so", "app-outside")])


if __name__ == "__main__":
    harness.main()
