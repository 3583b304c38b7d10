"""The server of `nodewise metrics` among clients that mean it no good: slow ones keep nobody out, and it has no rights that
reading does not take. As root."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

STRANGER = 65534
BEGUN = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "
READS = 1 << 2 | 1 << 19 | 1 << 40  # CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE
SECONDS = 10  # CONNECTIONS_SECONDS


class MetricsServer(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "it gives rights up")
        self.port = harness.free_port()
        self.server = self.start([harness.NODEWISE, "metrics", "--listen", f"127.0.0.1:{self.port}"], way="plain")
        self.clients = []
        self.addCleanup(lambda: [client.close() for client in self.clients])
        wait_until(self.scrape, "the server answers")

    def scrape(self, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=harness.SECONDS) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError:
            raise
        except OSError:
            return None

    def connect(self, data):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=harness.SECONDS)
        self.clients.append(client)
        client.sendall(data)
        client.setblocking(False)
        return client

    def drip(self):
        for client in self.clients:
            try:
                client.send(b"a")
            except OSError:
                pass  # it was ended

    def ended(self):
        count = 0
        for client in self.clients:
            try:
                count += client.recv(1 << 16) == b""
            except BlockingIOError:
                pass
            except OSError:
                count += 1
        return count

    def test_a_thousand_slow_clients_keep_nobody_out(self):
        for _ in range(10):
            for _ in range(100):
                self.connect(BEGUN)
            self.drip()
            self.assertIn("nodewise_processes", self.scrape() or "")
        self.assertIsNone(self.server.poll())

    def test_bytes_do_not_extend_a_clients_time(self):
        self.connect(BEGUN)
        began = time.monotonic()

        def over():
            self.drip()
            return self.ended() == 1

        wait_until(over, "the client's time is over")
        self.assertGreater(time.monotonic() - began, SECONDS / 2)

    def test_who_takes_no_answer_is_ended(self):
        client = self.connect(b"")
        request = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

        def over():  # the answers are never read
            try:
                client.send(request * 100)
            except BlockingIOError:
                return False
            except OSError:
                return True
            return False

        wait_until(over, "it is ended")
        self.assertIn("nodewise_processes", self.scrape() or "")

    def test_requests_that_are_too_long(self):
        before = self.resident()
        for data in (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * (1 << 20), b"GET /" + b"a" * (1 << 20),
                     b"POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n" + b"b" * 100000):
            for _ in range(30):
                try:
                    self.connect(data)
                except OSError:
                    pass  # it was ended while it spoke
            self.assertIn("nodewise_processes", self.scrape() or "")
        self.assertLess(self.resident() - before, 64 << 10)

    def resident(self):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii", errors="replace") as status:
            return int(re.search(r"VmRSS:\s*(\d+)", status.read()).group(1))

    def test_a_page_of_another_site_is_not_answered(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.scrape(Host="attacker.example")
        self.assertEqual(caught.exception.code, 403)
        caught.exception.close()
        for host in ("localhost:9464", "127.0.0.1", "[::1]:9464", socket.gethostname()):
            self.assertIn("nodewise_processes", self.scrape(Host=host) or "")

    def test_it_keeps_what_reading_takes_alone(self):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii", errors="replace") as status:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        for name in ("CapPrm", "CapEff"):
            self.assertEqual(int(fields[name], 16) & ~READS, 0, name)
        self.assertEqual([int(fields[name], 16) for name in ("CapBnd", "CapInh", "CapAmb")], [0, 0, 0])
        self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"))

    def test_it_sees_the_processes_of_all_users(self):
        policy = self.policy('[defaults]\nbind_to = "cpu"\n')
        os.chmod(self.folder, 0o755)
        command = [harness.NODEWISE, "run", "-p", policy, "--", "/usr/bin/python3", "-c", "input('ready')"]
        for user in (0, STRANGER):
            process = subprocess.Popen(command, env=harness.clean_environment(), user=user, group=user, extra_groups=[],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.addCleanup(self.end, process)
            wait_until(lambda: f'pid="{process.pid}"' in (self.scrape() or ""), f"a process of {user}")


if __name__ == "__main__":
    harness.main()
