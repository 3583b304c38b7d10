"""Every system call that the library makes is certain (shim/sys/allowed.c) or is tried under a filter (shim/start/trial.c).
One that is in neither list is never made under a filter, and what needs it silently fails there."""

import glob
import os
import re
import unittest

SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "shim")
TABLES = ("allowed.c", "trial.c")
# Made in any case: by the copy, or where the program ends.
ALWAYS = {"SYS_exit", "SYS_exit_group", "SYS_clone3"}
# What libc makes for the library: clone(), waitpid(), execve(), sigaction(), sigprocmask() in helper.c; threads.
BY_LIBC = {"SYS_clone", "SYS_wait4", "SYS_execve", "SYS_rt_sigaction", "SYS_rt_sigprocmask", "SYS_madvise", "SYS_futex"}


def calls(paths):
    found = set()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found |= set(re.findall(r"\braw_call\(\s*(SYS_\w+)", file.read()))
    return found


def table(name):
    (path,) = glob.glob(os.path.join(SHIM, "*", name))
    with open(path, encoding="utf-8") as file:
        return set(re.findall(r"(?:case|\{)\s*(SYS_\w+)", file.read()))


class Calls(unittest.TestCase):
    def test_each_is_certain_or_tried(self):
        sources = [path for path in glob.glob(os.path.join(SHIM, "*", "*.[ch]")) if os.path.basename(path) not in TABLES]
        made = calls(sources) | BY_LIBC
        known = set.union(*map(table, TABLES)) | ALWAYS
        self.assertGreater(len(made), 40)
        self.assertEqual(made - known, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
