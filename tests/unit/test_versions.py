"""The library loads wherever glibc is 2.28 or newer: it needs no symbol in a newer version, not even a weak one, because the
loader refuses a library whose versions it does not have. It needs no other library."""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from settings import setting

OLDEST = (2, 28)
SHIM = os.path.join(setting("NODEWISE_BUILD"), "shim", "libnodewise.so")


def readelf(option):
    return subprocess.run(["readelf", "-W", option, SHIM], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


class Versions(unittest.TestCase):
    def test_none_is_newer_than_the_oldest_glibc(self):
        names = re.findall(r"\bName: (\S+)\s+Flags:", readelf("--version-info"))
        versions = [tuple(map(int, re.fullmatch(r"GLIBC_([0-9.]+)", name).group(1).split("."))) for name in names]
        self.assertGreater(len(versions), 0)
        self.assertEqual([version for version in versions if version > OLDEST], [])

    def test_libc_alone_is_needed(self):
        self.assertEqual(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic")), ["libc.so.6"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
