"""What a person sets for the tests reaches the tests, and nothing that they start."""

import glob
import os
import re
import subprocess
import sys
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
SCRIPT = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
import settings
print(settings.setting("NODEWISE_LAB"), settings.setting("NODEWISE_SEED", "7"))
sys.stdout.flush()
subprocess.run(["env"])
"""


def run(variables):
    done = subprocess.run([sys.executable, "-c", SCRIPT, TESTS], capture_output=True, text=True, check=True, timeout=60,
                          env={"PATH": os.environ["PATH"], **variables})
    told, *inherited = done.stdout.splitlines()
    return told, {line.partition("=")[0] for line in inherited}


class Settings(unittest.TestCase):
    def test_what_a_test_starts_inherits_no_setting(self):
        told, inherited = run({"NODEWISE_LAB": "fast", "NODEWISE_BUILD": "/b", "NODEWISE_ABUSE": "all", "HOME": "/h"})
        self.assertEqual(told, "fast 7")
        self.assertIn("HOME", inherited)
        self.assertEqual({name for name in inherited if name.startswith("NODEWISE_")}, set())

    def test_what_a_test_starts_inherits_no_policy_and_no_preload(self):
        inherited = run({"NODEWISE_LAB": "all", "NODEWISE_POLICY": "/p", "NODEWISE_PLAN": "/q", "LD_PRELOAD": ""})[1]
        self.assertEqual({name for name in inherited if name.startswith(("NODEWISE_", "LD_PRELOAD"))}, set())

    def test_no_test_reads_a_setting_from_the_environment(self):
        """A module that does starts its programs before anybody took the settings out."""
        for path in glob.glob(os.path.join(TESTS, "**", "*.py"), recursive=True):
            if os.path.dirname(os.path.abspath(path)) == os.path.join(os.path.abspath(TESTS), "unit"):
                continue
            with open(path, encoding="utf-8") as file:
                self.assertIsNone(re.search(r"""(environ(\.get)?|getenv)[[(]["']NODEWISE_""", file.read()), path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
