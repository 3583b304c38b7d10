"""Where the pages of each thread are, as the program itself tells: against what the kernel says of them."""

import json

from guest import Lab, harness, lab_program

MISPLACED = lab_program("misplaced")
POLICY = """
[defaults]
bind_to = "cpu"
distribution = "scatter"
memory = { stack = "local", next_touch = false, migrate_on_move = true }
[report]
at_exit = "full"
pages = true
file = "/tmp/r.json"
formats = ["json"]
"""


class Survey(Lab):
    def check(self, report, counted):
        pages = report["pages"]
        threads = {thread["name"]: thread for thread in pages["threads"] if thread["name"].startswith("w")}
        self.assertEqual(sorted(threads), ["w0", "w1", "w2", "w3"])
        self.assertEqual(len({thread["home_node"] for thread in threads.values()}), 4)
        for name, kinds in counted.items():
            told = {kind["kind"]: kind for kind in threads[name]["kinds"]}
            self.assertGreater(told["stack"]["home_locality"], 0.99, (threads[name], self.placed(report, name)))
            for kind, (local, count) in kinds.items():
                self.assertGreater(count, 400)
                self.assertAlmostEqual(told[kind]["home_locality"], local / count, delta=0.05, msg=(name, kind))
                self.assertGreaterEqual(told[kind]["bytes"], 0.9 * count * 2048)
        rule = next(rule for rule in pages["rules"] if rule["rule"] == "defaults")
        self.assertAlmostEqual(rule["home_locality"], self.locality(counted), delta=0.05)
        self.assertLess(rule["home_locality"], 0.85)

    @staticmethod
    def placed(report, name):
        return [thread for thread in report["threads"] if thread["name"] == name]

    @staticmethod
    def locality(counted):
        """Of all that the program counted: a huge page takes along what lies beside the memory that was moved."""
        size = {"blocks": 1000 * 2048, "objects": 3 << 20, "mappings": 3 << 20}
        shares = [(size[kind], local / count) for kinds in counted.values() for kind, (local, count) in kinds.items()]
        return sum(part * share for part, share in shares) / sum(part for part, _ in shares)

    def test_by_thread_kind_and_rule(self):
        policy = self.policy(POLICY)
        # a stack may share a huge page with what lies beside it
        script = ("echo 0 > /proc/sys/kernel/numa_balancing\necho never > /sys/kernel/mm/transparent_hugepage/enabled\n"
                  f"{harness.NODEWISE} run -p {policy} -- {MISPLACED} /tmp/ready /tmp/go &\npid=$!\n"
                  "until [ -e /tmp/ready ]; do sleep 0.1; done\n"
                  f"{harness.NODEWISE} report $pid --pages --json\necho ---\n"
                  "touch /tmp/go\nwait $pid\ncat /tmp/r.json\n")
        before, after = self.guest("4x2", script, [policy], [MISPLACED]).split("---\n")
        counted, live = before.split("\n", 1)
        counted = json.loads(counted)
        self.assertEqual([counted[name][kind][0] for name, kind in
                          (("w1", "objects"), ("w2", "mappings"), ("w3", "blocks"))], [0, 0, 0])
        self.check(json.loads(live), counted)
        self.check(json.loads(after), counted)


if __name__ == "__main__":
    harness.main()
