"""Programs of several processes: PostgreSQL's backends, nginx's workers."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

POSTGRES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def title_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def cpus_of(pid):
    """Empty: it is gone."""
    try:
        return threads_of(pid).get(pid, ("", set()))[1]
    except FileNotFoundError:
        return set()


def text_of(path):
    with open(path) as file:
        return file.read()


class Postgres(harness.ProgramTest):
    POLICY = ('[target]\nexe = "*/postgres"\n[process]\nmatch_delay = "100ms"\n'
              '[[rules]]\nname = "checkpointer"\nmatch = { process_argv = "*checkpointer*" }\ncpus = "%d"\n'
              '[[rules]]\nname = "backends"\nmatch = { process_argv = "postgres: *" }\nbind_to = "cpu"\n'
              'distribution = "round_robin"\n')

    def as_server(self, command, **more):
        """postgres runs as anybody but root."""
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            more |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        return subprocess.Popen(command, env=harness.clean_environment(), cwd=self.folder, **more)

    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o777)
        self.data, self.port = self.path("data"), str(harness.free_port())
        made = self.as_server([f"{POSTGRES}/initdb", "-D", self.data, "-N", "-A", "trust"], stdout=subprocess.DEVNULL)
        self.assertEqual(made.wait(harness.SECONDS), 0)

    def nodewise_for_all(self):
        """The command and the library where any user may read them."""
        for name in (harness.NODEWISE, harness.SHIM):
            folder = self.path(os.path.basename(os.path.dirname(name)))
            os.makedirs(folder, mode=0o755)
            shutil.copy(name, folder)
        return self.path("tools/nodewise")

    def serve(self, policy):
        command = [self.nodewise_for_all(), "run", "-p", policy, "--"]
        command += [f"{POSTGRES}/postgres", "-D", self.data, "-k", self.data, "-p", self.port, "-c", "fsync=off"]
        process = self.as_server(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop, process)
        wait_until(lambda: self.tool("pg_isready").returncode == 0, "the server answers")
        return process

    def stop(self, process):
        process.terminate()
        process.wait(harness.SECONDS)

    def tool(self, name, *arguments):
        process = self.as_server([f"{POSTGRES}/{name}", "-h", self.data, "-p", self.port, *arguments],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, errors = process.communicate(timeout=harness.SECONDS)
        return subprocess.CompletedProcess(name, process.returncode, output, errors)

    def test_each_process_is_where_its_title_says(self):
        policy = self.policy(self.POLICY % max(self.allowed))
        os.chmod(policy, 0o644)
        if os.geteuid() == 0: # a policy is read only when nobody but its reader or root can write it
            shutil.chown(policy, "postgres")
            os.chmod(self.folder, 0o755)
            shutil.chown(self.folder, "postgres")
        server = self.serve(policy)
        done = self.tool("pgbench", "-i", "-q", "-s", "1", "postgres")
        self.assertEqual(done.returncode, 0, done.stderr)
        load = self.as_server([f"{POSTGRES}/pgbench", "-h", self.data, "-p", self.port, "-c", "4", "-T", "6", "postgres"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def placed():
            titles = {title_of(pid): cpus_of(pid) for pid in children_of(server.pid)}
            backends = [cpus for title, cpus in titles.items() if "[local]" in title]
            checkpointer = [cpus for title, cpus in titles.items() if "checkpointer" in title]
            return (len(backends) == 4 and checkpointer == [{max(self.allowed)}] and
                    all(len(cpus) == 1 for cpus in backends) and
                    len(set().union(*backends)) == min(4, len(self.allowed)))

        wait_until(placed, "the checkpointer on its CPU and the backends spread")
        output, _ = load.communicate(timeout=harness.SECONDS)
        self.assertIn("number of failed transactions: 0 ", output)
        self.assertEqual(cpus_of(server.pid), self.allowed, "the postmaster keeps the union")


class Nginx(harness.ProgramTest):
    def configuration(self, more=""):
        port = harness.free_port()
        with open(self.path("nginx.conf"), "w") as file:
            file.write(f"worker_processes 4;\ndaemon off;\npid {self.path('pid')};\nerror_log {self.path('errors')};\n{more}"
                       "events { worker_connections 64; }\nhttp { access_log off;\n"
                       f"client_body_temp_path {self.path('body')}; proxy_temp_path {self.path('proxy')};\n"
                       f"fastcgi_temp_path {self.path('fastcgi')}; uwsgi_temp_path {self.path('uwsgi')};\n"
                       f"scgi_temp_path {self.path('scgi')};\n"
                       f"server {{ listen 127.0.0.1:{port}; location / {{ return 200 \"hello\\n\"; }} }} }}\n")
        return port

    def workers(self, process):
        return wait_until(lambda: len(children_of(process.pid)) == 4 and children_of(process.pid), "four workers")

    def test_workers_are_spread_and_serve(self):
        os.chmod(self.folder, 0o755)
        port = self.configuration()
        policy = self.policy('[[rules]]\nname = "workers"\nmatch = { forked = true }\nbind_to = "cpu"\n'
                             'distribution = "round_robin"\n')
        process = self.start(["/usr/sbin/nginx", "-c", self.path("nginx.conf")], policy)
        workers = self.workers(process)
        wait_until(lambda: len(set().union(*(cpus_of(pid) for pid in workers))) == min(4, len(self.allowed)) and
                   all(len(cpus_of(pid)) == 1 for pid in workers), "each worker on a CPU")
        done = subprocess.run(["python3", "-c", "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read())",
                               f"http://127.0.0.1:{port}/"], capture_output=True, text=True, timeout=harness.SECONDS)
        self.assertEqual(done.stdout.strip(), "b'hello\\n'", done.stderr)
        process.terminate()
        self.assertEqual(process.wait(harness.SECONDS), 0)
        self.assertEqual(text_of(self.path("errors")), "")

    def test_its_own_affinity_is_arbitrated(self):
        """worker_cpu_affinity pins every worker to the first CPU; the policy's place is the last one."""
        os.chmod(self.folder, 0o755)
        first, last = min(self.allowed), max(self.allowed)
        mask = bin(1 << first)[2:]
        self.configuration(f"worker_cpu_affinity {mask} {mask} {mask} {mask};\n")
        for choice, cpus in (("respect", {first}), ("clamp", {last})):
            with self.subTest(choice=choice):
                policy = self.policy(f'[[rules]]\nname = "workers"\nmatch = {{ forked = true }}\ncpus = "{last}"\n'
                                     f'on_app_affinity = "{choice}"\n')
                process = self.start(["/usr/sbin/nginx", "-c", self.path("nginx.conf")], policy)
                workers = self.workers(process)
                wait_until(lambda: [cpus_of(pid) for pid in workers] == [cpus] * 4, f"all on {cpus}")
                process.terminate()
                process.wait(harness.SECONDS)


class Dropped(harness.ProgramTest):
    """Servers that root starts and that go on as another user, seen and given another policy by root."""

    RULES = '[[rules]]\nname = "{}"\nmatch = {{ {} }}\ncpus = "{}"\nbind_to = "cpu"\n'

    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "needs root: only root starts servers that drop it")
        os.chmod(self.folder, 0o755)
        self.first, self.last = min(self.allowed), max(self.allowed)
        self.port = harness.free_port()

    def talk(self, line):
        """The program runs a moment, in which it passes a hook."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=harness.SECONDS) as stream:
                stream.sendall(line)
                return stream.recv(100)
        except OSError: # it does not listen yet
            return b""

    def as_nobody(self, *arguments):
        return subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", harness.NODEWISE, *arguments],
                              capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)

    def check(self, pid, match, line, answer):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            self.assertIn("Uid:\t65534\t65534\t65534\t65534", file.read().splitlines())
        plan = self.show(pid)["plan"]["path"]
        self.assertRegex(self.nodewise("ps"), rf"(?m)^{pid} +nobody ")
        self.assertIn("first", self.nodewise("why", str(pid)))
        self.nodewise("verify", str(pid))
        self.nodewise("report", str(pid))
        second = self.policy(self.RULES.format("second", match, self.last), "second.toml")
        self.nodewise("reload", str(pid), "-p", second, "--wait", "0.2")
        self.assertEqual({thread["rule"] for thread in self.show(pid)["threads"] if thread["rule"] != "(base)"} &
                         {"first", "second"} != set(), True)
        wait_until(lambda: self.talk(line).startswith(answer) and self.show(pid)["plan"]["path"] != plan, "the policy is taken")
        self.assertEqual({rule["name"] for rule in self.show(pid)["rules"]} & {"first", "second"}, {"second"})
        self.assertEqual({thread["rule"] for thread in self.show(pid)["threads"]} & {"first", "second"}, {"second"})
        self.nodewise("verify", str(pid))
        self.assertRegex(self.nodewise("ps"), rf"(?m)^{pid} +nobody .*second.toml")
        first = self.policy(self.RULES.format("first", match, self.first), "first.toml")
        self.nodewise("reload", str(pid), "-p", first, "--wait", "0.2")
        wait_until(lambda: self.talk(line).startswith(answer) and self.show(pid)["plan"]["path"] == plan, "and the first again")

    def test_memcached(self):
        """It drops root, and makes its threads afterwards."""
        policy = self.policy(self.RULES.format("first", 'thread = "mc-worker"', self.first), "first.toml")
        process = self.start(["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(self.port), "-t", "2"], policy)
        wait_until(lambda: [cpus for name, cpus in threads_of(process.pid).values() if name == "mc-worker"] == [{self.first}] * 2,
                   "its workers are placed")
        self.check(process.pid, 'thread = "mc-worker"', b"version\r\n", b"VERSION")

    def test_nginx(self):
        """It forks its workers, each of which drops root."""
        with open(self.path("nginx.conf"), "w") as file:
            file.write(f"worker_processes 1;\ndaemon off;\nuser nobody nogroup;\npid {self.path('pid')};\n"
                       f"error_log {self.path('errors')};\nevents {{ worker_connections 64; }}\nhttp {{ access_log off;\n"
                       + "".join(f"{kind}_temp_path {self.path(kind)};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                       + f"server {{ listen 127.0.0.1:{self.port}; location / {{ return 200 \"hello\\n\"; }} }} }}\n")
        policy = self.policy(self.RULES.format("first", "forked = true", self.first), "first.toml")
        process = self.start(["/usr/sbin/nginx", "-c", self.path("nginx.conf")], policy)
        worker = wait_until(lambda: children_of(process.pid), "a worker")[0]
        wait_until(lambda: cpus_of(worker) == {self.first}, "placed")
        self.wait_until_seen(worker)
        self.check(worker, "forked = true", b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 200")

    def test_what_its_own_user_can_do(self):
        """The plan is root's and readable; the segment is root's alone: its user is told so, and nothing more."""
        policy = self.policy(self.RULES.format("first", 'thread = "mc-worker"', self.first), "first.toml")
        process = self.start(["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(self.port), "-t", "2"], policy)
        self.wait_until_seen(process.pid)
        wait_until(lambda: self.talk(b"version\r\n").startswith(b"VERSION"), "it answers")
        done = self.as_nobody("show", str(process.pid))
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn("belongs to another user", done.stderr)


if __name__ == "__main__":
    harness.main()
