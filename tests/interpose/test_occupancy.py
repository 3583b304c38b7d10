"""Threads go where the fewest are, whoever put those there: other rules, the program itself, other processes."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

from test_places import Told


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


if __name__ == "__main__":
    harness.main()
