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


# `nodewise run` starts "counted", which is static, and would watch it from outside: accesses that are no load's.
LOADS_ALONE = '[target]\ncomm = "load_*"\n'
BALANCING_OFF = "echo 0 >/proc/sys/kernel/numa_balancing\n"
FOR_EVER = 1000000000


class Use(Lab):
    def auto(self, more):
        """The preset, with more in its memory table."""
        with open(AUTO, encoding="utf-8") as file:
            return self.policy(file.read().replace("schema = 1\n", "").replace("memory = { ", "memory = { " + more)
                               + LOADS_ALONE)

    def counted(self, more, *commands, shape="4x2"):
        """What the counter says of each load under the preset, with more in its memory table, in one guest whose kernel
        does not balance."""
        out, policy = self.path("counted.json"), self.auto(more)
        script = BALANCING_OFF
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

    def test_forked_workers_have_their_own_beside_them(self):
        """The library's thread in each of them is counted, too."""
        forked, = self.counted("", "load_forked 4 2 60")
        self.assertLess(forked["remote_accesses"], 0.02)

    def test_next_touch_leaves_it_there(self):
        """The library's own thread is counted, too."""
        triad, = self.counted("", "load_triad 8 60 4096")
        self.assertLess(triad["remote_accesses"], 0.12)

    # khugepaged comes every ten seconds, else.
    MERGED_SOON = "cd /sys/kernel/mm/transparent_hugepage/khugepaged; echo 100 >scan_sleep_millisecs; echo 4096 >pages_to_scan; cd /\n"
    # Pages that were given another place so far, by us or by khugepaged: their sum since the guest's start.
    PLACED = """placed() { awk '/^pgmigrate_success/ { n += $2 } /^thp_collapse_alloc/ { n += 512 * $2 } END { print int(n) }' /proc/vmstat; }
"""
    # Starts a load that goes on for ever, waits until its memory has moved and stays where it is, and counts.
    SETTLED = """rm -f /tmp/settled; before=$(placed); least=$((before+300)); still=0; n=0
counted --from /tmp/settled 2000 LOAD &
until [ $still = 10 ] || [ $n = 300 ]; do
    sleep 0.3; n=$((n+1)); now=$(placed)
    if [ $now -gt $least ] && [ $((now-before)) -lt 20 ]; then still=$((still+1)); else still=0; fi
    before=$now
done
touch /tmp/settled; wait $!
"""

    def settled(self, *commands):
        """(Remote share, share of the accesses that the busiest node serves) of loads that go on for ever, counted when
        their memory has moved. Main made it, so all is on one node at first."""
        out, policy, script = self.path("counted.json"), self.auto(""), BALANCING_OFF + self.MERGED_SOON + self.PLACED
        for words in commands:
            script += self.SETTLED.replace("LOAD", f"{harness.NODEWISE} run -p {policy} -- {os.path.join(LOADS, words)}")
        programs = {os.path.join(LOADS, words.split()[0]) for words in commands}
        self.guest("4x2", script, [policy], sorted(programs), ("--count", out, "--marks"))
        with open(out, encoding="utf-8") as file:
            for line in file:
                result = json.loads(line)
                served = [sum(column) for column in zip(*result["accesses"])]
                yield result["remote_accesses"], max(served) / sum(served)

    def test_memory_of_any_kind_moves_to_its_users(self):
        """Three quarters of its accesses are remote where it stays with main."""
        for remote, _ in self.settled(f"load_stencil static 8 {FOR_EVER} 768", f"load_mapping shared 8 {FOR_EVER} 8192"):
            self.assertLess(remote, 0.4)

    def test_small_blocks_move_to_their_users_and_what_all_use_is_dealt_out(self):
        """Two rows of different threads lie in a page: half of what the page's own node does not get stays remote."""
        rows, join = self.settled(f"load_rows 8 {FOR_EVER} 2048", f"load_hash_join 8 {FOR_EVER} 60000")
        self.assertLess(rows[0], 0.6)
        self.assertLess(rows[1], 0.5, "main's node served all")
        self.assertLess(join[1], 0.5, "main's node served all")

    # Starts $load beside the others until it is killed; "moved PID" is how much was moved for it.
    ENDLESS = (f"start() {{ {harness.NODEWISE} run -p $1 -- $load & }}\n"
               f"moved() {{ {harness.NODEWISE} show $1 --json 2>/dev/null | sed -n 's/.*\"bytes_moved\": *\\([0-9]*\\).*/\\1/p'; }}\n")

    def test_nothing_is_looked_at_where_it_is_not_wanted(self):
        """Both go on for twice the time that it takes until something is moved where it is wanted."""
        load = os.path.join(LOADS, "load_mapping")
        on, off = (self.policy(OBSERVED.replace("WORD", word), f"{word}.toml") for word in ("on", "off"))
        script = (f"{BALANCING_OFF}load='{load} shared 4 1000000 8192'\n{self.ENDLESS}"
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
        script = BALANCING_OFF
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
