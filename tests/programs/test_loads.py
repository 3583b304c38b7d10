"""The loads that locality is measured with: each gives its answer, alone and placed, with few threads and many."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

LOADS = os.path.join(harness.BUILD, "tests", "loads")
# Words before the number of threads, and behind it: as small as makes sense.
SMALL = {
    "caches": ([], ["2000"]), "forked": (["3"], ["2"]), "graph": ([], ["2", "3000"]), "hash_join": ([], ["2000", "3000"]),
    "mapping anonymous": ([], ["2", "128"]), "mapping shared": ([], ["2", "128"]), "mapping file": ([], ["2", "128"]),
    "pins_itself": ([], ["2"]), "pipeline": ([], ["50", "512"]), "pools lifo": ([], ["5"]), "pools fifo": ([], ["5"]),
    "ring": ([], ["20"]), "rows": ([], ["3", "100"]), "sessions": ([], ["200", "64"]), "sort": ([], ["5000"]), "stealing": ([], ["6", "256"]),
    "stencil malloc": ([], ["2", "65"]), "stencil static": ([], ["2", "65"]), "triad": ([], ["3", "64"]),
    "vectors": ([], ["2", "32"]),
}


class Loads(harness.ProgramTest):
    def test_each_load_gives_its_answer(self):
        for name, (before, behind) in SMALL.items():
            program, *how = name.split()
            for threads in "1", "3", "16":
                command = [os.path.join(LOADS, "load_" + program), *how, *before, threads, *behind]
                for way in [], [harness.NODEWISE, "run", "--"]:
                    with self.subTest(name, threads=threads, placed=bool(way)):
                        done = subprocess.run([*way, *command], capture_output=True, text=True, timeout=harness.SECONDS,
                                              env=harness.clean_environment())
                        self.assertEqual((done.stderr, done.returncode), ("", 0), done.stdout)
                        self.assertEqual(done.stdout.splitlines()[-1], f"{program} ok")

    def test_a_wrong_answer_is_noticed(self):
        for words in ["triad", "0"], ["rows", "x"], ["mapping"]:
            self.assertEqual(subprocess.run([os.path.join(LOADS, "load_" + words[0]), *words[1:]], check=False).returncode, 2)


if __name__ == "__main__":
    harness.main()
