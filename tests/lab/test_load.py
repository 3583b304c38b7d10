"""Threads that move to where there is time for them (rebalance.steal), on four nodes."""

import json
import os

from guest import Lab, harness, slow, workers

BUSY = os.path.join(harness.BUILD, "tests", "interpose", "some_are_busy")
INTERVAL = 1000  # ms
ROUND_ROBIN = 'bind_to = "cpu"\ndistribution = "round_robin"\nlevel = "cpu"\n'
PRIMARY = 'bind_to = "node"\ndistribution = "primary"\nlevel = "node"\n'
LOOKS = 4  # intervals that each busy thread runs for when all is done, without being moved again


class Balance(Lab):
    def script_of(self, rebalance, threads, step, spread, then):
        """The program under the policy, and what is done beside it once all its threads are there."""
        policy = self.policy(f"[defaults]\n{spread}{rebalance}")
        script = (f"mkfifo /tmp/input\n{harness.NODEWISE} run -p {policy} -- {BUSY} {threads} {step} </tmp/input >/tmp/output &\n"
                  f"pid=$!\nexec 3>/tmp/input\nn=0\nuntil [ -s /tmp/output ]; do\n  sleep 0.1\ndone\n{then}echo >&3\nwait $pid\n")
        return self.guest("4x2", script, [policy], [BUSY])

    def report_of(self, rebalance, moves=4, threads=16, step=2, spread=ROUND_ROBIN):
        """The report after so many moves, which a host with little time for the guest makes late, and some more looks."""
        then = (f"until [ $({harness.NODEWISE} report $pid -f json | grep -c '\"balanced\"') -ge {moves} ] || [ $n = 60 ]; do\n"
                "  sleep 1\n  n=$((n+1))\ndone\n"
                # the time that each thread has had, by its schedstat
                "for task in /proc/$pid/task/*; do\n  read -r ran rest <$task/schedstat\n  echo $task $ran\ndone >/tmp/ran\n"
                "ran_on() {\n  while read -r task before; do\n    read -r ran rest <$task/schedstat || continue\n"
                f"    [ $((ran - before)) -lt {LOOKS * INTERVAL}000000 ] || echo $task\n  done </tmp/ran | wc -l\n}}\n"
                f"until [ $(ran_on) -ge {threads // step} ]; do\n  sleep 0.2\ndone\n"
                f"{harness.NODEWISE} report $pid -f json\n")
        return json.loads(self.script_of(rebalance, threads, step, spread, then))

    def busy_cpus(self, report):
        threads = sorted(workers(report), key=lambda thread: thread["index"])
        return [thread["now"] for thread in threads[::2]]

    def test_a_skewed_load_is_spread_and_stays(self):
        """Eight busy threads on four of the eight CPUs."""
        report = self.report_of(f'rebalance = {{ steal = "any", interval = "{INTERVAL}ms", min_residency = "1s" }}\n')
        self.assertEqual(sorted(self.busy_cpus(report)), [str(cpu) for cpu in range(8)])
        moves = [event for event in report["events"] if event["kind"] == "placed" and event["reason"] == "balanced"]
        # four have to; on a host that keeps CPUs of the guest waiting for seconds, others seem to have too little as well
        self.assertIn(len(moves), range(4, 9), moves)
        last = {}
        for move in moves:
            self.assertGreaterEqual(move["ms"] - last.get(move["tid"], -1000), 1000, f"not before min_residency: {moves}")
            last[move["tid"]] = move["ms"]
        self.assertEqual(len({event["tid"] for event in moves[:4]}), 4, f"nobody goes to and fro: {moves}")

    def test_threads_of_one_place_leave_it_when_they_run_at_the_same_time(self):
        """With so short an interval one may be on its way at any look: the host takes CPUs of the guest away for longer."""
        even = sorted(["0-1", "2-3", "4-5", "6-7"] * 2)
        then = ("while [ $n -lt 120 ]; do\n  masks=$(for task in /proc/$pid/task/*; do\n"
                "    [ $task = /proc/$pid/task/$pid ] || sed -n 's/^Cpus_allowed_list:.//p' $task/status\n  done | sort | tr '\\n' ' ')\n"
                f"  echo $masks\n  [ \"$masks\" = \"{' '.join(even)} \" ] && break\n  sleep 0.5\n  n=$((n+1))\ndone\n")
        looks = self.script_of('rebalance = { steal = "any", interval = "10ms", min_residency = "20ms" }\n', 8, 1, PRIMARY, then)
        self.assertEqual(looks.splitlines()[-1].split(), even, looks)

    @slow
    def test_within_the_node(self):
        report = self.report_of(f'rebalance = {{ steal = "node", interval = "{INTERVAL}ms", min_residency = "1s" }}\n')
        self.assertEqual(sorted(self.busy_cpus(report)), [str(cpu) for cpu in range(8)])
        for thread in workers(report):
            start = thread["index"] - 1
            self.assertEqual(int(thread["now"]) // 2, start % 8 // 2, f"on its node: {thread}")

    @slow
    def test_not_asked_for(self):
        """The measure measures."""
        self.assertEqual(len(set(self.busy_cpus(self.report_of("", moves=0)))), 4)


if __name__ == "__main__":
    harness.main()
