"""Memory follows the thread: stacks and thread blocks."""

import json
import re

from guest import Lab, harness, lab_program, slow, workers

BEGINS, FILTERED, HOLDS, MAPS, MOVER, REHOMES, SLICES, STACKS = (
    lab_program(name) for name in ("begins", "filtered", "holds", "maps", "mover", "rehomes", "slices", "stacks"))


def spread(stack):
    return f'[defaults]\nbind_to = "node"\ndistribution = "round_robin"\nlevel = "node"\nmemory = {{ stack = "{stack}", next_touch = false }}\n'


class Stacks(Lab):
    def stacks(self, stack, *words):
        """What the program counted, the outcomes of its threads' stacks, and how many pages the kernel moved."""
        policy = self.policy(spread(stack))
        # pages that the kernel moves on its own account, to balance or to make a huge page, are not to be among them
        moved = "grep pgmigrate_success /proc/vmstat\n"
        script = ("echo 0 > /proc/sys/kernel/numa_balancing\necho never > /sys/kernel/mm/transparent_hugepage/enabled\n"
                  f"echo 0 > /proc/sys/vm/compaction_proactiveness\n{moved}"
                  f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {STACKS} {' '.join(map(str, words))}\n"
                  f"{moved}cat /tmp/r.json\n")
        before, counted, after, *report = self.guest("4x2", script, [policy], [STACKS]).splitlines()
        report = json.loads("\n".join(report))
        threads = workers(report)
        self.assertEqual(report["process"]["following"]["bytes_moved"], 0, "nothing but stacks is to move")
        outcomes = [(thread["stack_outcome"], thread["stack_reason"]) for thread in threads]
        return json.loads(counted), outcomes, int(after.split()[1]) - int(before.split()[1])

    def test_new_stacks(self):
        """They are right from the start: hardly anything is moved, only what main did while the kernel took it elsewhere."""
        counted, outcomes, moved = self.stacks("local", "new", 16)
        self.assertLess(moved, 13, counted)  # 24 and more where main does not ask for their nodes
        self.assertGreaterEqual(counted["pages"], 16)
        self.assertEqual(counted["wrong"], 0)
        self.assertEqual(set(outcomes), {("strict", "ok")})

    def test_reused_stacks(self):
        counted, outcomes, moved = self.stacks("local", "reused", 40)
        self.assertGreater(moved, 20, counted)
        self.assertEqual(counted["wrong"], 0)
        self.assertEqual(set(outcomes), {("strict", "ok")})

    @slow
    def test_without_asking_they_are_the_creators(self):
        """The measure measures."""
        counted, outcomes, _ = self.stacks("default", "new", 16)
        self.assertGreater(counted["threads_wrong"], 8)
        self.assertEqual(set(outcomes), {("not_asked", "not-asked")})

    def test_the_budget_of_moves_is_kept_and_said(self):
        counted, outcomes, _ = self.stacks("local", "reused", 1000)
        late, stuck = outcomes.count(("best_effort", "budget")), outcomes.count(("best_effort", "not-moved"))
        self.assertEqual(late + stuck + outcomes.count(("strict", "ok")), len(outcomes), set(outcomes))
        self.assertLess(stuck, 0.05 * len(outcomes), "the kernel moves what it is asked to, but for a page in use")
        self.assertGreaterEqual(counted["threads_wrong"], late)


class HugePages(Lab):
    def stacks_without(self, smaps):
        """Mappings of a stack's size that are not to get huge pages."""
        areas = re.findall(r"^Size:\s+(\d+) kB\n.*?^VmFlags:([^\n]*)", smaps, re.S | re.M)
        return sum(int(size) in range(8000, 8400) and "nh" in flags.split() for size, flags in areas)

    def test_thp_off_keeps_them_from_stacks(self):
        words = ("default", "thp_off")
        policies = [self.policy(f'[defaults]\nbind_to = "node"\nmemory = {{ stack = "{word}", arena = "off" }}\n', f"{word}.toml")
                    for word in words]
        script = "ulimit -s 8192\n" + "".join(
            f"rm -f /tmp/ready /tmp/go\n{harness.NODEWISE} run -p {policy} -- {HOLDS} 4 /tmp/ready /tmp/go >/dev/null &\npid=$!\n"
            f"while [ ! -e /tmp/ready ]; do sleep 0.1; done\ncat /proc/$pid/smaps\necho go > /tmp/go\nwait $pid\necho ---\n"
            for policy in policies)
        told = self.guest("1x2", script, policies, [HOLDS]).split("---\n")
        self.assertEqual([self.stacks_without(smaps) for smaps in told[:2]], [0, 4])


class Beginning(Lab):
    """The kernel starts a program on any node. What it has touched before main is placed comes to main's node."""

    SENT = '[[rules]]\nname = "main"\nmatch = { main = true }\nnodes = "NODE"\n'

    def begins(self, rules, *words):
        """What main found for each node that it was sent to, one after the other: it began on one of them at most."""
        policies, script = [], "echo 0 > /proc/sys/kernel/numa_balancing\n"
        for node in range(4):
            text = rules.replace("NODE", str(node)).replace("NEXT", str((node + 1) % 4))
            policies.append(self.policy(text, f"{node}.toml"))
            script += f"{harness.NODEWISE} run -p {policies[-1]} -- {BEGINS} {' '.join(words)}\n"
        return [json.loads(line) for line in self.guest("4x2", script, policies, [BEGINS]).splitlines()]

    def test_main_finds_all_beside_it(self):
        found = self.begins(self.SENT + 'memory = { stack = "local" }\n')
        self.assertEqual([one["node"] for one in found], [0, 1, 2, 3])
        for one in found:
            self.assertGreaterEqual(one["data"][0], 8)
            self.assertEqual([one[what][1] for what in ("stack", "block", "data")], [0, 0, 0], found)

    @slow
    def test_not_asked_for(self):
        """The measure measures."""
        found = self.begins(self.SENT)
        for what in ("stack", "block", "data"):
            self.assertGreater(sum(one[what][1] > 0 for one in found), 1, found)

    def test_it_stays_where_it_is_started(self):
        policy = self.policy('[target]\ncomm = "begins"\n[[rules]]\nname = "main"\nmatch = { main = true }\n')
        script = "".join(f"{harness.NODEWISE} run -p {policy} -- numactl --cpunodebind={node} {BEGINS}\n" for node in (2, 0, 3, 1))
        found = [json.loads(line) for line in self.guest("4x2", script, [policy], [BEGINS, "numactl"]).splitlines()]
        self.assertEqual([one["node"] for one in found], [2, 0, 3, 1])

    def test_its_stack_moves_with_it(self):
        rules = "".join(f'[[rules]]\nname = "{name}"\nmatch = {{ main = true, thread = "{name}" }}\nnodes = "{node}"\n'
                        'memory = { stack = "local", migrate_on_move = true }\n'
                        for name, node in (("begins", "NODE"), ("after", "NEXT")))
        found = self.begins(rules, "after")
        self.assertEqual([one["node"] for one in found], [1, 2, 3, 0])
        self.assertEqual([one["stack"][1] for one in found], [0, 0, 0, 0], found)


class NextTouch(Lab):
    """Large blocks that main made come to the threads that work on them."""

    def slices(self, more="", filter_by="", seconds=5, how="8 0"):
        policy = self.policy('[defaults]\nbind_to = "cpu"\ndistribution = "scatter"\nlevel = "cpu"\n' + more)
        # the kernel's own balancing moves pages as well, where no memory policy keeps it off
        migrated = "grep pgmigrate_success /proc/vmstat\n"
        script = (f"echo 0 > /proc/sys/kernel/numa_balancing\n{migrated}"
                  f"{filter_by}{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {SLICES} {seconds} {how}\n"
                  f"{migrated}cat /tmp/r.json\n")
        # the counter only because CPUs take short turns with it, without which Linux moves 50 pages a second there
        turns = ["--count", self.path("counted"), "--marks"]
        before, counted, after, *report = self.guest("4x2", script, [policy], [SLICES, FILTERED], turns).splitlines()
        counted, following = json.loads(counted), json.loads("\n".join(report))["process"]["following"]
        self.assertEqual((counted["mistakes"], counted["refused"]), (0, 0))
        following["migrated"] = (int(after.split()[1]) - int(before.split()[1])) * 4096
        return counted, following

    def test_each_part_comes_to_its_thread(self):
        counted, following = self.slices(seconds=200)
        self.assertGreater(counted["local"], 0.95 * counted["pages"]) # a quarter is where it started
        self.assertGreater(following["bytes_moved"], 5 << 20)
        self.assertEqual(following["reason"], "ok")
        self.assertEqual(counted["after_wrong"], 0)  # what was moved away is not handed out again

    def test_what_the_program_mapped_itself(self):
        counted, following = self.slices(seconds=200, how="32 0 mapped")
        self.assertGreater(counted["local"], 0.95 * counted["pages"])
        self.assertGreater(following["bytes_moved"], 16 << 20)

    def test_no_register_moves_through_the_array(self):
        counted, _ = self.slices(seconds=200, how="8 0 indexed")
        self.assertGreater(counted["local"], 0.95 * counted["pages"])

    def test_pages_that_cannot_move_stay_alone(self):
        counted, following = self.slices(seconds=200, how="8 0 held")
        self.assertGreaterEqual(counted["local"], 0.95 * counted["pages"]) # 12 of the 2048 are held elsewhere
        self.assertGreater(following["not_moved"]["in_use"], 0)
        self.assertLessEqual(following["bytes_moved"], following["migrated"], "what is tried again counts once")

    def test_forks_meanwhile(self):
        counted, _ = self.slices(seconds=20, how="8 5")
        self.assertEqual(counted["after_wrong"], 0)

    @slow
    def test_not_asked_for(self):
        """The measure measures."""
        counted, following = self.slices("memory = { next_touch = false }\n")
        self.assertLess(counted["local"], 0.5 * counted["pages"])
        self.assertEqual(following["bytes_moved"], 0)

    def test_the_kernel_may_refuse_to_look(self):
        for way in ("PERF", "PERF-KILL"):
            with self.subTest(way=way):
                counted, following = self.slices(filter_by=f"{FILTERED} {way} ")
                self.assertLess(counted["local"], 0.5 * counted["pages"])
                self.assertEqual((following["bytes_moved"], following["reason"]), (0, "no-sampling"))


class Relocation(Lab):
    """A thread gets a home on another node by its new name: what it has follows."""

    POLICY = """
[[rules]]
name = "before"
match = { thread = "before" }
nodes = "1"
memory = { stack = "local", MORE }
[[rules]]
name = "after"
match = { thread = "after" }
nodes = "3"
memory = { stack = "local", MORE }
"""

    def moves(self, more, seconds):
        policy = self.policy(self.POLICY.replace("MORE", more))
        # Where the kernel balances, it moves a part itself, and what it is about to look at is hidden from move_pages(2).
        script = ("echo 0 >/proc/sys/kernel/numa_balancing\n"
                  f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {MOVER} 32 {seconds}\ncat /tmp/r.json\n")
        counted, *report = self.guest("4x2", script, [policy], [MOVER]).splitlines()
        counted = json.loads(counted)
        self.assertTrue(counted["moved"])
        self.assertGreaterEqual(counted["before_local"], counted["pages"])
        self.assertEqual((counted["mistakes"], counted["new_wrong"], counted["other_wrong"]), (0, 0, 0))
        return counted, json.loads("\n".join(report))["process"]["following"]

    def test_what_a_thread_has_follows_it(self):
        counted, following = self.moves("migrate_on_move = true", 60)
        self.assertGreater(counted["local"], 0.95 * counted["pages"])
        self.assertGreater(following["bytes_moved"], 30 << 20)
        self.assertEqual(following["bytes_not_moved"], 0)

    @slow
    def test_it_soon_stops_reading_what_was_left_behind(self):
        """Counted by the load: of 40 passes over all it has, how many are of memory on the old node."""
        old, new, passes = 1, 3, {}
        for follows in ("true", "false"):
            policy = self.policy(self.POLICY.replace("MORE", f"next_touch = false, migrate_on_move = {follows}"))
            out = self.path("counted.json")
            command = f"counted --marks {harness.NODEWISE} run -p {policy} -- {REHOMES} 16 40\n"
            told = json.loads(self.guest("4x2", command, [policy], [REHOMES], ("--count", out, "--marks")))
            self.assertEqual((told["moved"], told["mistakes"]), (True, 0))
            with open(out, encoding="utf-8") as file:
                passes[follows] = json.loads(file.read())["accesses"][new][old] * 8 / told["bytes"]
        self.assertGreater(passes["false"], 39, "the measure measures")
        self.assertLess(passes["true"], 8)

    @slow
    def test_not_asked_for(self):
        """The measure measures."""
        counted, following = self.moves("next_touch = false", 2)
        self.assertLess(counted["local"], 0.1 * counted["pages"])
        self.assertEqual(following["bytes_moved"], 0)


class Regions(Lab):
    """What a program maps itself goes where memory.regions says, also when it grows."""

    def maps(self, regions):
        policy = self.policy(f"[defaults]\nbind_to = 'none'\n[defaults.memory]\nregions = [{regions}]\n")
        script = f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {MAPS}\ncat /tmp/r.json\n"
        counted, *report = self.guest("4x2", script, [policy], [MAPS]).splitlines()
        return json.loads(counted), json.loads("\n".join(report))["mappings"]

    def test_interleaved_and_bound(self):
        counted, mappings = self.maps('{ kind = "anonymous", policy = "interleave", huge_pages = "never" }, '
                                      '{ kind = "shared", policy = "bind", nodes = "2" }')
        self.assertEqual(counted["anonymous"], [256] * 4)
        self.assertEqual(counted["grown"], [512] * 4)
        self.assertEqual(counted["shared"], [0, 0, 1024])
        self.assertEqual([(m["strict"], m["best_effort"], m["none"]) for m in mappings], [(1, 0, 0)] * 2)

    @slow
    def test_a_kernel_that_lacks_a_policy_gets_the_nearest(self):
        counted, mappings = self.maps('{ kind = "anonymous", policy = "weighted_interleave", huge_pages = "never" }')
        self.assertEqual(counted["anonymous"], [256] * 4)
        self.assertEqual((mappings[0]["best_effort"], mappings[0]["reason"]), (1, "old-kernel"))


if __name__ == "__main__":
    harness.main()
