"""libnodewise-api.so.1 exports what its map lists and nothing else, and that is what the headers declare."""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
from settings import setting

BUILD = setting("NODEWISE_BUILD")
SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shim")
LIBRARY = os.path.join(BUILD, "shim", "api", "libnodewise-api.so.1")
HEADERS = ("nodewise.h", "nodewise-exchange.h", "nodewise-io.h", "nodewise-memory.h", "nodewise-pool.h")


def read(name):
    with open(os.path.join(SHIM, name), encoding="utf-8") as file:
        return file.read()


def code(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def declared():
    """Functions of the headers: a name before a bracket in a line that begins a declaration."""
    return {name for header in HEADERS
            for name in re.findall(r"^(?:const |struct )?\w+ \*?(nw_\w+)\(", code(read(header)), re.M)}


def listed():
    """{name: version} of the map."""
    found = {}
    for version, block in re.findall(r"(\w+) \{(.*?)\}", code(read("api/libnodewise-api.map")), re.S):
        found.update({name: version for name in re.findall(r"(nw_\w+);", block)})
    return found


def exported():
    """{name: version} of the library."""
    table = subprocess.run(["readelf", "--dyn-syms", "-W", LIBRARY], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in table.splitlines()]
    symbols = [row[7] for row in rows if len(row) == 8 and row[0].endswith(":") and row[6] not in ("UND", "ABS", "Ndx")]
    return {name: version for name, _, version in (symbol.partition("@@") for symbol in symbols)}


class Symbols(unittest.TestCase):
    def test_the_library_exports_what_the_map_lists(self):
        self.assertGreater(len(listed()), 4)
        self.assertEqual(exported(), listed())

    def test_the_headers_declare_what_the_map_lists(self):
        self.assertEqual(declared(), set(listed()))

    def test_its_name_has_the_version_of_the_interface(self):
        dynamic = subprocess.run(["readelf", "-dW", LIBRARY], capture_output=True, text=True, check=True).stdout
        self.assertIn("Library soname: [libnodewise-api.so.1]", dynamic)

    def test_the_shim_does_not_know_it(self):
        for folder, _, names in os.walk(SHIM):
            if os.path.relpath(folder, SHIM).split(os.sep)[0] == "api":
                continue
            for name in names:
                if name.endswith((".c", ".h")) and folder != SHIM:
                    self.assertNotRegex(read(os.path.join(folder, name)), r'#include ".*(nodewise(-\w+)?\.h|shim/api/)', name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
