"""Machines and rights that give less than a policy asks: filters, cpusets, CPUs that go, nodes that are full."""

import json
import os

from guest import EVERYWHERE, PURITY, Lab, harness, lab_program, workers

FILTERED, FILLS, HOLDS = (lab_program(name) for name in ("filtered", "fills", "holds"))
KINDS = os.path.join(harness.BUILD, "tests", "interpose", "threads_of_every_kind")
OWN_POLICY = lab_program("own_policy")
HARD_EXIT = 125
MEMORY = '[defaults]\nbind_to = "cpu"\nmemory = { policy = "preferred", stack = "local" }\n'


def after(lines, first):
    """The JSON that a script prints behind so many lines."""
    return json.loads("\n".join(lines[first:]))


class Filters(Lab):
    """A container's filter refuses the calls for memory policies: CPUs are placed all the same, and the report says what
    could not be had and why."""

    def check(self, error, reason):
        policy = self.policy(MEMORY)
        script = (f"{FILTERED} {error} {harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {PURITY} own 4 300\n"
                  "cat /tmp/r.json\n")
        lines = self.guest("4x2", script, [policy], [PURITY, FILTERED]).splitlines()
        self.assertEqual(json.loads(lines[0])["load"], "own")
        report = after(lines, 1)
        threads = workers(report)
        self.assertEqual(len(threads), 4)
        self.assertEqual({thread["outcome"] for thread in threads}, {"strict"})
        for what in ("memory", "stack"):
            self.assertNotIn("strict", {thread[what + "_outcome"] for thread in threads})
            self.assertNotIn("ok", {thread[what + "_reason"] for thread in threads})
        self.assertEqual({region["reason"] for region in report["arenas"]["regions"]}, {reason})

    def test_eperm(self):
        self.check("EPERM", "eperm")

    def test_enosys(self):
        self.check("ENOSYS", "enosys")

    def test_a_filter_that_kills(self):
        """Whoever makes such a call dies: the shim finds out with a copy of the process, and makes none."""
        policy = self.policy(MEMORY)
        script = (f"{harness.NODEWISE} compile -p {policy} -o /tmp/p.plan\necho go > /tmp/go\n"
                  f"NODEWISE_PLAN=/tmp/p.plan NODEWISE_REPORT=/tmp/r.json LD_PRELOAD={harness.SHIM} "
                  f"{FILTERED} KILL {HOLDS} 4 /tmp/ready /tmp/go\ncat /tmp/r.json\n")
        lines = self.guest("4x2", script, [policy], [HOLDS, FILTERED]).splitlines()
        self.assertEqual(lines[0], "4 threads done")
        report = after(lines, 1)
        threads = workers(report)
        self.assertEqual({(thread["outcome"], thread["memory_outcome"]) for thread in threads}, {("strict", "none")})
        self.assertEqual({region["reason"] for region in report["arenas"]["regions"]}, {"eperm"})

    def test_hard_enforcement_refuses_before_main(self):
        policy = self.policy('[defaults]\nbind_to = "node"\nenforcement = "hard"\nmemory = { policy = "bind" }\n')
        run = f"{harness.NODEWISE} run -p {policy} -- {PURITY} own 4 100"
        script = f"{run}\nset +e\n{FILTERED} EPERM {run} 2>/tmp/errors\necho $?\ncat /tmp/errors\n"
        lines = self.guest("4x2", script, [policy], [PURITY, FILTERED]).splitlines()
        self.assertEqual(json.loads(lines[0])["wrong"], 0)
        self.assertEqual(int(lines[1]), HARD_EXIT)
        self.assertEqual(len(lines), 3, lines)
        self.assertIn("is hard and cannot be carried out", lines[2])


class Cpuset(Lab):
    SETUP = ("mkdir -p /sys/fs/cgroup\nmount -t cgroup2 cgroup2 /sys/fs/cgroup\n"
             "echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control\nmkdir /sys/fs/cgroup/part\n"
             "echo 2-5 > /sys/fs/cgroup/part/cpuset.cpus\necho 1-2 > /sys/fs/cgroup/part/cpuset.mems\n"
             "echo $$ > /sys/fs/cgroup/part/cgroup.procs\n")

    def test_a_part_of_the_machine(self):
        policy = self.policy('[defaults]\nbind_to = "cpu"\ndistribution = "scatter"\n')
        script = (f"{self.SETUP}{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {PURITY} hand-over 4 300\n"
                  "cat /tmp/r.json\n")
        lines = self.guest("4x2", script, [policy], [PURITY]).splitlines()
        self.assertEqual(json.loads(lines[0])["wrong"], 0)
        report = after(lines, 1)
        threads = workers(report)
        self.assertEqual(sorted(cpu for thread in threads for cpu in harness.cpu_list(thread["asked"])), [2, 3, 4, 5])
        self.assertEqual({thread["outcome"] for thread in threads}, {"strict"})
        self.assertEqual({region["node"] for region in report["arenas"]["regions"]} - {1, 2}, set())
        self.assertEqual({region["reason"] for region in report["arenas"]["regions"]}, {"ok"})


class Hotplug(Lab):
    POLICY = '[defaults]\nbind_to = "cpu"\ndistribution = "scatter"\nlevel = "cpu"\n'

    def test_a_cpu_goes_while_its_thread_runs(self):
        """The kernel moves the thread; `show` says where it is allowed now, and the program does not notice."""
        policy = self.policy(self.POLICY)
        script = (f"{harness.NODEWISE} run -p {policy} -- {HOLDS} 8 /tmp/ready /tmp/go &\npid=$!\n"
                  "while [ ! -e /tmp/ready ]; do sleep 0.1; done\n"
                  "echo 0 > /sys/devices/system/cpu/cpu5/online\n"
                  f"{harness.NODEWISE} report $pid -f json > /tmp/r.json\n"
                  "echo go > /tmp/go\nwait $pid\ncat /tmp/r.json\n")
        lines = self.guest("4x2", script, [policy], [HOLDS]).splitlines()
        self.assertEqual(lines[0], "8 threads done")
        threads = after(lines, 1)["threads"]
        gone = [thread for thread in threads if thread["asked"] == "5"]
        self.assertEqual(len(gone), 1)
        self.assertNotEqual(gone[0]["now"], "5")
        for thread in threads:
            if not thread["main"] and thread["asked"] != "5":
                self.assertEqual(thread["now"], thread["asked"])

    def test_a_cpu_that_is_gone_is_not_planned(self):
        policy = self.policy(self.POLICY)
        script = ("echo 0 > /sys/devices/system/cpu/cpu5/online\n"
                  f"{harness.NODEWISE} run -p {policy} --report /tmp/r.json -- {PURITY} own 7 100\ncat /tmp/r.json\n")
        lines = self.guest("4x2", script, [policy], [PURITY]).splitlines()
        self.assertEqual(json.loads(lines[0])["wrong"], 0)
        threads = workers(after(lines, 1))
        self.assertEqual(sorted(int(thread["asked"]) for thread in threads), [0, 1, 2, 3, 4, 6, 7])
        self.assertEqual({thread["outcome"] for thread in threads}, {"strict"})


class FullNode(Lab):
    """More memory than the node has: preferred goes elsewhere, bind is the kernel's word and ends the program."""

    def fill(self, policy_word, mib):
        policy = self.policy(f'[defaults]\nnodes = "3"\nmemory = {{ policy = "{policy_word}", nodes = "3" }}\n')
        script = f"set +e\n{harness.NODEWISE} run -p {policy} -- {FILLS} {mib}\necho status $?\ndmesg | grep -c CONSTRAINT_MEMORY_POLICY\n"
        lines = self.guest("4x2", script + "true\n", [policy], [FILLS]).splitlines()
        place = next(i for i, line in enumerate(lines) if line.startswith("status"))
        found = dict(line.removeprefix("node ").split(": ") for line in lines[:place] if line.startswith("node "))
        return {int(node): int(mib) for node, mib in found.items()}, int(lines[place].split()[1]), int(lines[place + 1])

    def test_preferred_spills(self):
        nodes, status, killed = self.fill("preferred", 320)
        self.assertEqual((status, killed), (0, 0))
        self.assertGreater(nodes[3], 150)
        self.assertGreater(sum(nodes.values()) - nodes[3], 50)

    def test_bind_does_not(self):
        nodes, status, killed = self.fill("bind", 320)
        self.assertEqual((nodes, status), ({}, 128 + 9))
        self.assertEqual(killed, 1)


class Devices(Lab):
    def test_near_the_network_card_and_the_disk(self):
        policies = [self.policy(f'[defaults]\nnear = "{device}"\nbind_to = "node"\n', f"{device[:3]}.toml")
                    for device in ("netdev:eth0", "block:nvme0n1")]
        script = "".join(f"{harness.NODEWISE} run -p {policy} --report /tmp/r{i}.json -- {PURITY} own 2 100 >/dev/null\n"
                         for i, policy in enumerate(policies))
        script += f"{harness.NODEWISE} topo --json > /tmp/topo.json\nfor f in /tmp/topo.json /tmp/r0.json /tmp/r1.json; do cat $f; echo; echo ---; done\n"
        topology, *reports = map(json.loads, self.guest("devices", script, policies, [PURITY]).split("---")[:3])
        found = {(device["kind"], device["name"]): device["nodes"] for device in topology["devices"]}
        self.assertEqual((found[("netdev", "eth0")], found[("block", "nvme0n1")]), ("1", "1"))
        for report in reports:
            threads = workers(report)
            self.assertEqual({thread["asked"] for thread in threads}, {"2-3"})
            self.assertEqual({rule["set_reason"] for rule in report["rules"] if rule["name"] == "defaults"}, {"ok"})


class OwnPolicies(Lab):
    """The program's own memory policy calls, about a node, in a thread whose place is node 2."""

    PREFERRED, BIND = 1, 2

    def test_each_choice(self):
        cases = [ # what the call returned, the thread's mode and nodes afterwards, the node of a page that it then touched
            ("respect", "call", 1, (0, self.BIND, 1 << 1, 1)),
            ("respect", "library", 1, (0, self.BIND, 1 << 1, 1)),
            ("clamp", "call", 1, (0, self.PREFERRED, 1 << 2, 2)),
            ("clamp", "library", 1, (0, self.PREFERRED, 1 << 2, 2)),
            ("clamp", "call", 2, (0, self.BIND, 1 << 2, 2)),
            ("clamp", "mbind", 1, (0, self.PREFERRED, 1 << 2, 1)),
            ("ignore", "mbind", 1, (0, self.PREFERRED, 1 << 2, 2)),
        ]
        policies = {choice: self.policy('[defaults]\nnodes = "2"\nbind_to = "node"\nmemory = { policy = "preferred" }\n'
                                        f'on_app_affinity = "{choice}"\n', choice + ".toml")
                    for choice in ("respect", "clamp", "ignore")}
        script = "".join(f"{harness.NODEWISE} run -p {policies[choice]} -- {OWN_POLICY} {way} {node}\n"
                         for choice, way, node, _ in cases)
        lines = self.guest("4x2", script, policies.values(), [OWN_POLICY]).splitlines()
        for (choice, way, node, expected), line in zip(cases, lines, strict=True):
            with self.subTest(choice=choice, way=way, node=node):
                self.assertEqual(tuple(int(word, 16) for word in line.split()), expected)


class Steps(Lab):
    """Full, preferred, CPUs only: each step of what a thread has is named."""

    POLICY = '[defaults]\nbind_to = "cpu"\nmemory = { policy = "bind", nodes = "1" }\n'

    def step(self, setup, before=""):
        policy = self.policy(self.POLICY)
        script = (f"{harness.NODEWISE} compile -p {policy} -o /tmp/p.plan\n{setup}"
                  f"NODEWISE_PLAN=/tmp/p.plan NODEWISE_REPORT=/tmp/r.json LD_PRELOAD={harness.SHIM} {before}"
                  f"{PURITY} own 4 100 >/dev/null\ncat /tmp/r.json\n")
        report = after(self.guest("4x2", script, [policy], [PURITY, FILTERED]).splitlines(), 0)
        threads = workers(report)
        self.assertEqual(len(threads), 4)
        rule = next(rule for rule in report["rules"] if rule["name"] == "defaults")
        found = {(thread["step"], thread["memory_outcome"], thread["memory_reason"]) for thread in threads}
        self.assertEqual(len(found), 1, found)
        step = found.pop()
        self.assertGreaterEqual(rule["steps"][step[0]], 4, rule)
        return step

    def test_all_of_it(self):
        self.assertEqual(self.step(""), ("full", "strict", "ok"))

    def test_nodes_that_left_the_cpuset_are_not_bound_to(self):
        """The plan was made when they were there."""
        setup = Cpuset.SETUP.replace("echo 2-5 ", "echo 0-7 ").replace("echo 1-2 ", "echo 2-3 ")
        self.assertEqual(self.step(setup), ("preferred", "best_effort", "not-bound"))

    def test_without_memory_policies_the_cpus_are_left(self):
        self.assertEqual(self.step("", f"{FILTERED} EPERM "), ("cpu_only", "none", "no-mempolicy"))


class NodeIds(Lab):
    """The flags of a thread's memory policy, as the kernel tells them."""

    PREFERRED, BIND, PREFERRED_MANY = 1, 2, 5
    STATIC, RELATIVE, BALANCING = 1 << 15, 1 << 14, 1 << 13

    def test_each_flag(self):
        cases = [ # what the policy adds, the thread's mode and nodes, the node of a page
            ('policy = "preferred", nodes = "2"', (self.PREFERRED, 1 << 2, 2)),
            ('policy = "preferred", nodes = "2", node_ids = "static"', (self.PREFERRED | self.STATIC, 1 << 2, 2)),
            ('policy = "preferred", nodes = "2", node_ids = "relative"', (self.PREFERRED | self.RELATIVE, 1 << 1, 2)),
            ('policy = "bind", nodes = "1-2", node_ids = "relative"', (self.BIND | self.RELATIVE, 0b11, None)),
            ('policy = "bind", nodes = "2", numa_balancing = true', (self.BIND | self.BALANCING, 1 << 2, 2)),
            ('policy = "preferred_many", nodes = "1-2"', (self.PREFERRED_MANY, 0b110, None)),
        ]
        policies = [self.policy(f'[defaults]\nbind_to = "none"\nmemory = {{ {words} }}\n', f"{number}.toml")
                    for number, (words, _) in enumerate(cases)]
        script = Cpuset.SETUP + "".join(f"{harness.NODEWISE} run -p {policy} -- {OWN_POLICY} none 0\n"
                                        for policy in policies)
        lines = self.guest("4x2", script, policies, [OWN_POLICY]).splitlines()
        for (words, (mode, nodes, page)), line in zip(cases, lines, strict=True):
            with self.subTest(words=words):
                got = line.split()
                self.assertEqual((int(got[1]), int(got[2], 16)), (mode, nodes))
                self.assertIn(int(got[3]), [page] if page is not None else [1, 2])


class KernelThreads(Lab):
    def test_they_are_named_and_left_alone(self):
        """io_uring's poller, which a program asked for through syscall(2)."""
        policy = self.policy(EVERYWHERE)
        script = (f"mkfifo /tmp/input\n{harness.NODEWISE} run -p {policy} -- {KINDS} uring quiet </tmp/input >/dev/null &\n"
                  f"pid=$!\nexec 3>/tmp/input\nn=0\n"
                  f"until {harness.NODEWISE} show $pid 2>/dev/null | grep -q kernel-worker || [ $n = 50 ]; do sleep 0.2; n=$((n+1)); done\n"
                  f"{harness.NODEWISE} report $pid -f json\necho >&3\nwait $pid\n")
        report = json.loads(self.guest("1x2", script, [policy], [KINDS]))
        found = [(thread["why"], thread["outcome"], thread["reason"]) for thread in workers(report)]
        self.assertEqual(found, [("adopted", "none", "kernel-worker")])


class Inheritance(Lab):
    def test_exec_and_fork(self):
        """A program that a governed one starts is placed anew; threads of a forked child are on their nodes."""
        policy = self.policy(EVERYWHERE)
        script = f"{harness.NODEWISE} run -p {policy} -- /usr/bin/env {PURITY} fork 8 300\n"
        lines = self.guest("4x2", script, [policy], [PURITY, "/usr/bin/env"]).splitlines()
        self.assertEqual(json.loads(lines[0])["wrong"], 0)


if __name__ == "__main__":
    harness.main()
