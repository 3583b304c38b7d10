"""Memory lies beside the threads that use it, not beside the one that asked for it. Counted, with the preset `auto`."""

import json
import os

from guest import Lab, harness, lab_program

LOADS = os.path.join(harness.BUILD, "tests", "loads")
AUTO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "config", "presets", "auto.toml"))
FIRST_TOUCH = lab_program("first_touch")
TWO_NODES = """
[[rules]]
name = "main"
match = { main = true }
nodes = "1"
[[rules]]
name = "toucher"
match = { thread = "toucher" }
nodes = "2"
[defaults]
memory = { MEMORY }
"""


class Use(Lab):
    def counted(self, more, *commands, shape="4x2"):
        """What the counter says of each load under the preset, with more in its memory table, in one guest whose kernel
        does not balance."""
        out = self.path("counted.json")
        with open(AUTO, encoding="utf-8") as file:
            policy = self.policy(file.read().replace("schema = 1\n", "").replace("memory = { ", "memory = { " + more))
        script = "echo 0 >/proc/sys/kernel/numa_balancing\n"
        script += "".join(f"{harness.NODEWISE} run -p {policy} -- counted {os.path.join(LOADS, words)}\n"
                          for words in commands)
        programs = {os.path.join(LOADS, words.split()[0]) for words in commands}
        self.guest(shape, script, [policy], sorted(programs), ("--count", out, "--marks"))
        with open(out, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_memory_lies_where_threads_initialise_it(self):
        triad, vectors = self.counted("next_touch = false, ", "load_triad 8 20 2048", "load_vectors 8 8 1024")
        self.assertLess(triad["remote_accesses"], 0.02)
        self.assertLess(vectors["remote_accesses"], 0.02)

    def test_next_touch_leaves_it_there(self):
        """The library's own thread is counted, too."""
        triad, = self.counted("", "load_triad 8 60 4096")
        self.assertLess(triad["remote_accesses"], 0.12)

    def test_the_stages_of_a_pipeline_come_together(self):
        """Half of its accesses go to the other node as long as they are dealt out in turn."""
        pipelines, = self.counted("", "load_pipeline 2 20000 4096", shape="2x4")
        self.assertLess(pipelines["remote_misses"], 0.15)

    def touched(self, memory, *kibs):
        policy = self.policy(TWO_NODES.replace("MEMORY", memory))
        script = "echo 0 >/proc/sys/kernel/numa_balancing\n"
        script += "".join(f"{harness.NODEWISE} run -p {policy} -- {FIRST_TOUCH} {kib}\n" for kib in kibs)
        return [json.loads(line) for line in self.guest("4x2", script, [policy], [FIRST_TOUCH]).splitlines()]

    def test_a_large_block_is_where_it_is_touched_first(self):
        for result in self.touched("next_touch = false", 512, 4096, 65536):
            self.assertEqual(result["touched"], result["pages"], "filled by a thread of another node")
            self.assertEqual(result["again"], result["pages"], "what comes back is not left where the others used it")

    def test_small_and_bound_blocks_are_their_makers(self):
        for memory, kib in ("next_touch = false", 256), ('next_touch = false, policy = "bind", nodes = "1"', 4096):
            result, = self.touched(memory, kib)
            self.assertEqual((result["touched"], result["again"]), (0, result["pages"]))


if __name__ == "__main__":
    harness.main()
