"""Programs that are written against nodewise.h: alone, under the shim, under the dormant shim, as C and as C++.

A program ends with 1 and says on stderr what did not hold. It says nothing else, and neither does the library."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

LIBRARY = os.path.join(harness.BUILD, "shim", "api")
POLICY = """schema = 1
[defaults]
cpus = "all"
"""


class ApiTest(harness.ProgramTest):
    def run_program(self, name, *arguments, faults=None, before=(), **environment):
        """The program's output; it must end with 0 and say nothing on stderr."""
        program = os.path.join(harness.BUILD, "tests", "api", name)
        # meson names the folders of all libraries that a test depends on, in any order
        variables = harness.clean_environment() | {"LD_LIBRARY_PATH": LIBRARY} | environment
        if faults is not None:
            variables |= {"LD_LIBRARY_PATH": os.path.join(LIBRARY, "faults"), "NODEWISE_FAULT": faults}
        done = subprocess.run([*before, program, *arguments], capture_output=True, text=True, env=variables,
                              timeout=harness.SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{name} {arguments} {environment}: {done.stdout}")
        return done.stdout

    def under_the_shim(self, name, *arguments, **environment):
        policy = self.path("policy.toml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY)
        return self.run_program(name, *arguments, before=(harness.NODEWISE, "run", "-p", policy, "--"), **environment)

    def in_each_way(self, name, *arguments):
        """As C and as C++: alone, with a dormant shim, and governed, when the program is told so."""
        for program in (name, name + "_cpp"):
            with self.subTest(program=program, way="alone"):
                self.run_program(program, *arguments)
            with self.subTest(program=program, way="dormant"):
                self.run_program(program, *arguments, LD_PRELOAD=harness.SHIM, NODEWISE_DISABLE="1")
            with self.subTest(program=program, way="governed"):
                self.under_the_shim(program, *arguments, "governed")


class Affinity(ApiTest):
    def test_it_follows_the_thread(self):
        self.in_each_way("who_am_i")

    def test_it_is_unknown_where_the_kernel_does_not_say(self):
        self.run_program("who_am_i", "unknown", faults="sched_getaffinity=EPERM")

    def test_a_signal_handler_may_ask_at_any_moment(self):
        self.in_each_way("asks_in_handlers")


class Guest(ApiTest):
    def test_what_is_closed_leaves_nothing(self):
        # what malloc keeps for a thread counts as in use
        exact = "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1"
        self.run_program("leaves_nothing", GLIBC_TUNABLES=exact)
        self.run_program("leaves_nothing_cpp", GLIBC_TUNABLES=exact)

    def test_a_sandboxed_process_places_nothing_any_more(self):
        self.in_each_way("sandboxes_itself")


class Machine(ApiTest):
    def test_topologies_sets_and_capabilities(self):
        self.in_each_way("knows_the_machine")

    def test_what_is_refused_is_no_capability(self):
        self.run_program("knows_the_machine", "refused", faults="sched_setaffinity=EPERM")


class Pins(ApiTest):
    def test_they_nest_and_come_off_in_reverse_order(self):
        self.in_each_way("pins_for_a_while")

    def test_a_refused_one_is_told_or_is_an_error(self):
        self.run_program("pins_for_a_while", "refused", faults="sched_setaffinity=EPERM")

    def policy_for(self, cpu, name):
        return self.policy(f"""[cpu_count]
report = "host" # the program looks where it is
[[rules]]
name = "main"
match = {{ main = true }}
cpus = "{cpu}"
""", name)

    def test_a_reload_waits_for_the_pop(self):
        first, last = min(self.allowed), max(self.allowed)
        self.assertNotEqual(first, last)
        program = os.path.join(harness.BUILD, "tests", "api", "holds_a_pin")
        policy = self.policy_for(first, "first.toml")
        process = subprocess.Popen([harness.NODEWISE, "run", "-p", policy, "--", program, str(first)], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=harness.clean_environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def says(line):
            self.assertEqual(process.stdout.readline().strip(), line)

        def ask(word):
            process.stdin.write(word + "\n")
            process.stdin.flush()

        says(f"before {first}")
        says(f"pinned {first}")
        self.nodewise("reload", "-p", self.policy_for(last, "second.toml"), str(process.pid))
        ask("a")
        self.assertEqual(harness.threads_of(process.pid)[process.pid][1], {first})
        says(f"asked {first}")
        ask("p")
        says(f"popped {last}")
        process.stdin.close()
        self.assertEqual(process.wait(harness.SECONDS), 0)


class Registry(ApiTest):
    def test_a_slot_is_one_threads(self):
        self.in_each_way("takes_slots")

    def test_a_refused_pin_is_told(self):
        self.run_program("takes_slots", "refused", faults="sched_setaffinity=EPERM")


class Relocation(ApiTest):
    def test_functions_run_at_safe_points(self):
        self.in_each_way("follows_its_thread")


class Regions(ApiTest):
    def test_what_was_asked_is_read_back(self):
        self.in_each_way("maps_regions")

    def test_a_refused_policy_leaves_a_valid_mapping_or_none(self):
        self.run_program("maps_regions", "mbind", faults="mbind=EPERM")

    def test_no_region_breaks_where_the_kernel_refuses_something_else(self):
        self.run_program("maps_regions", "move_pages", faults="move_pages=EPERM")
        self.run_program("maps_regions", "madvise", faults="madvise=ENOMEM")
        self.run_program("maps_regions", faults="madvise=EINVAL")  # before Linux 5.14: pages are touched
        self.run_program("maps_regions", "mmap", faults="mmap=ENOMEM")


class Storage(ApiTest):
    def test_a_value_for_each_place_and_none_of_the_seeds_mistakes(self):
        self.in_each_way("keeps_values")


class Counters(ApiTest):
    def test_nothing_is_lost(self):
        self.in_each_way("counts")

    def test_without_memory_or_a_policy(self):
        self.run_program("counts", "mmap", faults="mmap=ENOMEM")
        self.run_program("counts", faults="mbind=EPERM")


class Report(ApiTest):
    def test_it_is_json_and_tells_what_is_open(self):
        for output, governed in ((self.run_program("reports"), False), (self.under_the_shim("reports"), True)):
            first, last = map(json.loads, output.splitlines())
            self.assertEqual(first["governed"], governed)
            self.assertEqual((len(first["regions"]), first["storages"], first["counters"]), (1, 1, 1))
            self.assertEqual([pool["pool"] for pool in first["pools"]], ['a "pool"'])
            self.assertGreater(first["pools"][0]["workers"], 0)
            self.assertEqual((last["pools"], last["regions"], last["storages"], last["counters"]), ([], [], 0, 0))
            self.assertEqual(first["regions"][0]["outcome"], "strict")
            self.assertTrue(first["capabilities"]["pin"])


if __name__ == "__main__":
    harness.main()
