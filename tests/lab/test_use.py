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


OBSERVED = """
[defaults]
bind_to = "node"
distribution = "round_robin"
level = "node"
observe = "WORD"
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

    def shares(self, counted):
        """The remote share, and that of the accesses which the busiest node serves."""
        served = [sum(column) for column in zip(*counted["accesses"])]
        return counted["remote_accesses"], max(served) / sum(served)

    def test_memory_of_any_kind_moves_to_its_users(self):
        """Three quarters of its accesses are remote where it stays with main. Moved while it is used, so less is left."""
        counted = self.counted("", "load_stencil static 8 60 768", "load_mapping shared 8 150 8192")
        for one in counted:
            self.assertLess(one["remote_accesses"], 0.5)

    def test_pages_of_small_blocks_move_to_their_users(self):
        """Two rows of different threads lie in a page: half of what the page's own node does not get stays remote."""
        rows, = self.counted("", "load_rows 8 400 2048")
        remote, busiest = self.shares(rows)
        self.assertLess(remote, 0.7)
        self.assertLess(busiest, 0.7, "main's node served all")

    def test_what_all_use_is_dealt_out(self):
        join, = self.counted("", "load_hash_join 8 900000 60000")
        self.assertLess(self.shares(join)[1], 0.8, "main's node served all")

    # Starts $load beside the others until it is killed; "moved PID" is how much was moved for it.
    ENDLESS = (f"start() {{ {harness.NODEWISE} run -p $1 -- $load & }}\n"
               f"moved() {{ {harness.NODEWISE} show $1 --json 2>/dev/null | sed -n 's/.*\"bytes_moved\": *\\([0-9]*\\).*/\\1/p'; }}\n")

    def test_nothing_is_looked_at_where_it_is_not_wanted(self):
        """Both go on for twice the time that it takes until something is moved where it is wanted."""
        load = os.path.join(LOADS, "load_mapping")
        on, off = (self.policy(OBSERVED.replace("WORD", word), f"{word}.toml") for word in ("on", "off"))
        script = (f"echo 0 >/proc/sys/kernel/numa_balancing\nload='{load} shared 4 1000000 8192'\n{self.ENDLESS}"
                  f"start {off}; off=$!; start {on}; on=$!; n=0\n"
                  "until [ \"$(moved $on)\" -gt 0 ] 2>/dev/null || [ $n = 300 ]; do sleep 0.3; n=$((n+1)); done\n"
                  "while [ $n -gt 0 ]; do sleep 0.3; n=$((n-1)); done\n"
                  "moved $on; moved $off; kill -9 $on $off\n")
        wanted, unwanted = map(int, self.guest("4x2", script, [on, off], [load]).split())
        self.assertGreater(wanted, 0)
        self.assertEqual(unwanted, 0)

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
