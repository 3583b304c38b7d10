"""What tests in the laboratory share: a command in a guest, and what it prints."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
import machine

VM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vm")


# The gate has six minutes for the laboratory: what is checked elsewhere in another way, too, is left to tools/check --all.
slow = unittest.skipIf(harness.setting("NODEWISE_LAB", "all") == "fast", "left to tools/check --all")


def lab_program(name):
    return os.path.join(harness.BUILD, "tests", "lab", name)


def workers(report):
    """The threads of a report but for main."""
    return [thread for thread in report["threads"] if not thread["main"]]


PURITY = lab_program("purity")
EVERYWHERE = '[defaults]\nbind_to = "none"\n'


class Lab(harness.ProgramTest):
    def guest(self, shape, script, policies=(), programs=(), options=()):
        """What a shell script prints there; it must end well."""
        path = self.path("script.sh")
        with open(path, "w", encoding="utf-8") as file:
            file.write("set -e\n" + script)
        command = [VM, "--shape", shape, "--seconds", "280", *options]
        for program in (harness.NODEWISE, harness.SHIM, harness.FAULTY_SHIM, path, *policies, *programs):
            command += ["--program", program]
        done = subprocess.run([*command, "--", "sh", path], capture_output=True, text=True, timeout=300,
                              env=harness.for_tools_of_the_tests())
        self.assertEqual(done.returncode, 0, f"{shape}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def shape_nodes(self, name):
        """{id: CPUs} as Linux shows them."""
        return {number: machine.cpus_of(node) for number, node in enumerate(machine.load(name)["nodes"])}
