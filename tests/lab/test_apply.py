"""`nodewise apply` on a machine with several nodes: memory follows the threads within its budget, as the kernel shows it, and
what the kernel does not grant is told."""

import json
import re

from guest import Lab, harness, lab_program

KEEPS = lab_program("keeps")
MIB = 16
FOLLOWS = """
[[rules]]
name = "io"
match = { thread = "io*" }
nodes = "2"
memory = { migrate_on_move = true }
[[rules]]
name = "main"
match = { main = true }
nodes = "2"
memory = { migrate_on_move = true }
"""
INTERLEAVES = """
[defaults]
memory = { policy = "interleave", nodes = "0-3" }
[[rules]]
name = "main"
match = { main = true }
"""
START = f"""cd /tmp
keep() {{
  rm -f ready go
  numactl --cpunodebind=${{1:-0}} --membind=${{1:-0}} -- {KEEPS} {MIB} io_1 ready go &
  pid=$!
  until [ -e ready ]; do sleep 0.1; done
}}
leave() {{ touch go; wait $pid; }}
apply() {{ {harness.NODEWISE} apply "$@" --json $pid; }}
# What the kernel was busy with, or the time for a pass did not reach to, follows with the next.
rest() {{ until grep -q " N2={MIB << 8} " /proc/$pid/numa_maps; do apply "$@" > /dev/null || true; done; }}
show() {{ echo ---; cat /proc/$pid/numa_maps; echo ---; }}
echo 0 > /proc/sys/kernel/numa_balancing
"""


def pages_on(numa_maps):
    """{node: pages} of the mapping that has the most."""
    lines = [{int(node): int(count) for node, count in re.findall(r" N(\d+)=(\d+)", line)} for line in numa_maps.splitlines()]
    return max(lines, key=lambda line: sum(line.values()))


class Memory(Lab):
    def outputs(self, script, policies=(), huge="never"):
        """What stands between the lines of "---"."""
        huge = f"echo {huge} > /sys/kernel/mm/transparent_hugepage/enabled\n"
        return self.guest("4x2", START + huge + script, policies, [KEEPS, "numactl"]).split("---\n")

    def told(self, text):
        return json.loads(text)["processes"][0]["memory"]

    def test_memory_follows_within_its_budget(self):
        policy = self.policy(FOLLOWS)
        pages = MIB << 8
        script = ("keep; show\n"
                  f"apply -p {policy} --memory-budget 0; show\n"
                  f"apply -p {policy} --dry-run; show\n"
                  f"apply -p {policy} --memory-budget 4; show\n"
                  f"apply -p {policy}; rest -p {policy}; show\n"
                  "leave\n")
        parts = self.outputs(script, [policy])
        self.assertEqual(pages_on(parts[1]), {0: pages})
        self.assertEqual((self.told(parts[2]), pages_on(parts[3])), (None, {0: pages}))
        planned = self.told(parts[4])
        self.assertEqual((planned["nodes"], planned["moved_bytes"], pages_on(parts[5])), ("2", 0, {0: pages}))
        self.assertGreaterEqual(planned["left_bytes"], MIB << 20)
        part = self.told(parts[6])
        self.assertEqual((part["reason"], part["moved_bytes"] <= 4 << 20), ("budget", True), part)
        self.assertGreater(part["moved_bytes"], 0)
        self.assertLessEqual(pages_on(parts[7]).get(2, 0), 4 << 8)
        whole = self.told(parts[8])
        self.assertEqual(pages_on(parts[9]), {2: pages}, whole)
        self.assertGreater(whole["moved_bytes"], 0)

    def test_huge_pages_are_moved_whole_and_counted(self):
        policy = self.policy(FOLLOWS)
        parts = self.outputs(f"keep\napply -p {policy} --memory-budget 8; show\n"
                             f"apply -p {policy}; rest -p {policy}; show\nleave\n", [policy], "always")
        part, whole = self.told(parts[0]), self.told(parts[2])
        self.assertLessEqual(part["moved_bytes"], 8 << 20)
        self.assertLessEqual(pages_on(parts[1]).get(2, 0), 8 << 8)
        self.assertEqual(pages_on(parts[3]), {2: sum(pages_on(parts[1]).values())}, (part, whole))

    def test_the_first_thread_stays_on_the_node_where_it_runs(self):
        policy = self.policy('[[rules]]\nname = "all"\nmatch = [{ main = true }, { main = false }]\nbind_to = "node"\n'
                             'distribution = "least_loaded"\nmemory = { migrate_on_move = true }\n')
        parts = self.outputs(f"keep 3\napply -p {policy}\nleave\n", [policy])
        first = next(thread for thread in json.loads(parts[0])["threads"] if thread["main"])
        self.assertEqual((first["before"], first["now"]), ("6-7", "6-7"))

    def test_watching_moves_the_rest(self):
        policy = self.policy(FOLLOWS)
        script = (f"keep\n{harness.NODEWISE} apply -p {policy} --watch --memory-budget 4 $pid > watched & watching=$!\n"
                  f"until grep -q ' N2={MIB << 8} ' /proc/$pid/numa_maps; do sleep 0.1; done\n"
                  "leave; wait $watching; cat watched\n")
        watched = self.outputs(script, [policy])[0]
        self.assertGreaterEqual(watched.count("memory to nodes 2"), 4, watched)
        self.assertIn("left: budget\n", watched)

    def test_interleaved_memory_is_dealt_out(self):
        policy = self.policy(INTERLEAVES)
        parts = self.outputs(f"keep\napply -p {policy} --memory-budget 64; show\nleave\n", [policy])
        self.assertTrue(self.told(parts[0])["interleaved"])
        self.assertEqual(sorted(pages_on(parts[1])), [0, 1, 2, 3])
        for pages in pages_on(parts[1]).values():
            self.assertAlmostEqual(pages, MIB << 6, delta=1024)

    def test_what_the_kernel_does_not_grant(self):
        script = ("keep\nmkdir /cg; mount -t cgroup2 none /cg; echo +cpuset > /cg/cgroup.subtree_control; mkdir /cg/a\n"
                  "echo 0-1 > /cg/a/cpuset.cpus; echo 0 > /cg/a/cpuset.mems; echo $pid > /cg/a/cgroup.procs\n"
                  "apply -c 0-3 || echo --- $?; apply -c 4-5 || echo --- $?\n"
                  "apply -c 4-5 --memory-budget 64 2>&1 >/dev/null || echo --- $?\n"
                  f"{harness.NODEWISE} apply -c 0 2 2>&1 || echo --- $?\nleave\n")
        narrowed, refused, memory, kernels, _ = re.split(r"--- \d\n", "\n".join(self.outputs(script)))
        self.assertEqual({(thread["now"], thread["reason"]) for thread in json.loads(narrowed)["threads"]}, {("0-1", "narrowed")})
        self.assertEqual({thread["reason"] for thread in json.loads(refused)["threads"]}, {"einval"})
        self.assertIn("not in its cpuset", memory)
        self.assertIn("thread of the kernel's own", kernels)


if __name__ == "__main__":
    harness.main()
