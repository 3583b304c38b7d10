"""Programs with pools (nodewise-pool.h), each alone, under the dormant shim and governed, as C and as C++ (test_api.py)."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_api
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


class Pool(test_api.ApiTest):
    def test_tasks_run_once_and_waits_end(self):
        self.in_each_way("pool_tasks")

    def test_it_works_on_one_cpu(self):
        self.run_program("pool_tasks", before=("taskset", "-c", str(min(os.sched_getaffinity(0)))))


if __name__ == "__main__":
    harness.main()
