"""The measuring tools, which no suite runs, find what they are made of: each answers --help."""

import os
import subprocess
import unittest

BENCH = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "tools", "bench"))


class Bench(unittest.TestCase):
    def test_each_tool_starts(self):
        tools = [path for path in (os.path.join(BENCH, name) for name in os.listdir(BENCH))
                 if os.path.isfile(path) and os.access(path, os.X_OK)]
        self.assertGreater(len(tools), 4)
        for tool in tools:
            with open(tool, encoding="utf-8") as file:
                if "python" not in file.readline():
                    continue
            with self.subTest(tool=os.path.basename(tool)):
                done = subprocess.run([tool, "--help"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("usage", done.stdout.lower())


if __name__ == "__main__":
    unittest.main(verbosity=2)
