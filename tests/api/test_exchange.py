"""Programs with exchanges (nodewise-exchange.h), each alone, under the dormant shim and governed, as C and as C++."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_api
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


class Exchange(test_api.ApiTest):
    def test_messages_come_in_their_order_and_waits_end(self):
        self.in_each_way("exchange")

    def test_it_works_on_one_cpu(self):
        self.run_program("exchange", before=("taskset", "-c", str(min(os.sched_getaffinity(0)))))

    def test_rings_are_made_where_the_kernel_refuses_their_place(self):
        self.run_program("exchange", faults="mbind=EPERM,get_mempolicy=EPERM,sched_setaffinity=EPERM")


if __name__ == "__main__":
    harness.main()
