"""What can be seen of a plan, of a running program and of one that has ended: every view, as a user calls it."""

import html.parser
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import jsonschema  # Debian: python3-jsonschema

import harness
import pictures
from harness import wait_until

BUSY = os.path.join(harness.BUILD, "tests", "interpose", "some_are_busy")
POLICY = """
[defaults]
bind_to = "cpu"
distribution = "round_robin"
level = "cpu"
[metrics]
labels = { team = "storage" }
"""
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "report", "report.schema.json")
MACHINE = "pack:2 numa:2 l3:2 core:2 pu:2"


class Page(html.parser.HTMLParser):
    """Tags that stand open, and what the page would fetch."""

    VOID = {"meta", "br", "hr", "img", "link", "input"}

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.fetched, self.scripts, self.words = [], [], [], 0, ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.fetched += [value for name, value in attributes if name in ("src", "href", "srcset", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.words += data


class Views(harness.ProgramTest):
    def start_busy(self, threads=4, policy=POLICY):
        process = self.start([BUSY, str(threads), "2"], self.policy(policy), "run", stdin=subprocess.PIPE)
        self.wait_until_seen(process.pid)
        wait_until(lambda: len(self.show(process.pid)["threads"]) > threads, "all threads are there")
        return process

    def finish(self, process):
        process.stdin.close()
        self.assertEqual(process.wait(timeout=harness.SECONDS), 0)

    def report_of_a_run(self, name, threads):
        command = [harness.NODEWISE, "run", "-p", self.policy(POLICY), "--report", self.path(name), "--", BUSY, str(threads), "2"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=harness.clean_environment(),
                              timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.path(name)

    def test_words_in_the_name_of_a_report_are_replaced(self):
        """With and without --require-locality, which makes the report in another process."""
        for name, more in ("a", ()), ("b", ("--require-locality", "0")):
            process = subprocess.Popen([harness.NODEWISE, "run", "-p", self.policy(POLICY), *more, "--report",
                                        self.path(name + ".{pid}.{rank}.json"), "--", BUSY, "2", "1"], stdin=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env={**harness.clean_environment(), "SLURM_PROCID": "7"})
            process.wait(timeout=harness.SECONDS)
            written, = (file for file in os.listdir(self.folder) if file.startswith(name + "."))
            with open(self.path(written), encoding="utf-8") as file:
                self.assertEqual(f"{name}.{json.load(file)['process']['pid']}.7.json", written)

    def check_page(self, text):
        page = Page(text)
        self.assertEqual((page.open, page.wrong, page.fetched, page.scripts), ([], [], [], 0))
        for word in ("viewport", "prefers-color-scheme:dark", "@media print"):
            self.assertIn(word, text)
        return page.words

    def check_picture(self, text):
        return pictures.check_svg(self, text)

    def test_a_plan_as_map_picture_and_page(self):
        policy = self.policy(POLICY)
        arguments = ["plan", "-p", policy, "--topology", MACHINE, "--thread", "worker_*=3", "--thread", "<b>&\"x'"]
        text = self.nodewise(*arguments)
        for line in ("node 0  socket 0", "node 3  socket 1", "A worker_1  CPU 0", "on several nodes", "rules  A defaults"):
            self.assertIn(line, text)
        picture = self.check_picture(self.nodewise(*arguments, "--svg", "-"))
        page = self.check_page(self.nodewise(*arguments, "--html", "-"))
        for words in (picture, page):
            self.assertIn("worker_2", words)
            self.assertIn("<b>&\"x'", words)
        self.nodewise(*arguments, "--svg", self.path("no/such/folder"), code=2)

    def test_a_map_is_as_wide_as_asked(self):
        policy = self.policy(POLICY)
        for columns in (40, 80, 200):
            done = subprocess.run([harness.NODEWISE, "plan", "-p", policy, "--topology", "pack:1 core:64 pu:2", "--thread", "a=128"],
                                  capture_output=True, text=True, env=harness.clean_environment() | {"COLUMNS": str(columns)})
            shown = done.stdout[done.stdout.index("\nnode 0"):]
            rows = [line for line in shown.splitlines() if re.match(r"  (CPU|rules|     )", line)]
            self.assertGreater(len(rows), 1)
            self.assertLessEqual(max(map(len, rows)), columns)

    def test_a_plan_for_what_a_program_was_seen_to_do(self):
        report = self.report_of_a_run("end.json", 6)
        policy = self.policy(POLICY)
        document = json.loads(self.nodewise("plan", "-p", policy, "--topology", MACHINE, "--from", report, "--json"))
        self.assertEqual(len(document["threads"]), 7)
        process = self.start_busy()
        document = json.loads(self.nodewise("plan", "-p", policy, "--pid", str(process.pid), "--json"))
        self.assertEqual(len(document["threads"]), 5)
        self.finish(process)

    def test_a_report_in_each_format(self):
        report = self.report_of_a_run("end.json", 4)
        with open(report) as file:
            document = json.load(file)
        self.assertEqual(document["verdict"]["word"], "as_asked")
        self.assertEqual(sorted(document["localities"]), ["access_locality", "access_locality_reason", "alloc_locality",
                                                         "balance", "home_locality"])
        self.assertTrue(document["machine"]["nodes"])
        self.assertIn("verdict: as_asked", self.nodewise("report", report))
        words = self.check_page(self.nodewise("report", report, "-f", "html"))
        for word in ("as_asked", "alloc_locality", "some_are_busy", "defaults", "threads (some_are_busy, …) on CPU"):
            self.assertIn(word, words)
        self.assertIn("node 0", self.check_picture(self.nodewise("report", report, "-f", "svg")))
        self.nodewise("report", report, "-o", self.path("end.svg"))
        with open(self.path("end.svg")) as file:
            self.check_picture(file.read())
        self.nodewise("report", report, "-f", "pdf", code=2)
        with open(self.report_of_a_run("direct.html", 2)) as file:
            self.check_page(file.read())

    def test_reports_are_as_their_schema_says(self):
        with open(SCHEMA) as file:
            validator = jsonschema.Draft7Validator(json.load(file))
        process = self.start_busy()
        live = json.loads(self.nodewise("report", str(process.pid), "--pages", "--json"))
        self.finish(process)
        with open(self.report_of_a_run("end.json", 3)) as file:
            ended = json.load(file)
        for report in (live, ended):
            self.assertEqual([f"{list(error.path)}: {error.message}" for error in validator.iter_errors(report)], [])
        self.assertTrue(list(validator.iter_errors({**ended, "verdict": {}})), "the schema says something")

    def test_a_report_names_the_key_to_change(self):
        process = self.start_busy(4 * len(self.allowed), POLICY.replace("[metrics]", "exclusive = true\n[metrics]"))
        document = json.loads(self.nodewise("report", str(process.pid), "--json"))
        self.assertIn(document["verdict"]["word"], ("partly", "not"))
        self.assertIn("exclusive", {hint["key"] for hint in document["hints"]})
        self.finish(process)

    def test_two_runs_compared(self):
        few, many = self.report_of_a_run("few.json", 2), self.report_of_a_run("many.json", 8)
        self.assertIn("threads_started", self.nodewise("diff", few, many))
        self.nodewise("diff", few, many, "--fail-on", "threads_started:+10%", code=1)
        self.nodewise("diff", few, many, "--fail-on", "threads_started:-10%")
        self.nodewise("diff", many, few, "--fail-on", "threads_started:-10%", code=1)
        self.nodewise("diff", few, few, "--fail-on", "as_asked:-0%", "--fail-on", "threads_started:+0%")
        self.nodewise("diff", few, many, "--fail-on", "no_such:-1%", code=2)
        self.nodewise("diff", few, many, "--fail-on", "as_asked", code=2)
        document = json.loads(self.nodewise("diff", few, many, "--json"))
        self.assertEqual(document["measures"]["threads_started"], {"a": 3.0, "b": 9.0})
        with open(few, encoding="utf-8") as file:
            nothing_placed = json.load(file)
        nothing_placed["verdict"] |= {"full": 0, "preferred": 0, "less": 0}
        with open(self.path("nothing.json"), "w", encoding="utf-8") as file:
            json.dump(nothing_placed, file)
        self.nodewise("diff", few, self.path("nothing.json"), "--fail-on", "as_asked:-50%", code=1)  # not known any more
        self.nodewise("diff", self.path("nothing.json"), few, "--fail-on", "as_asked:-50%")

    def test_a_run_that_requires_locality(self):
        run = ["run", "-p", self.policy(POLICY), "--require-locality"]
        allocates = os.path.join(harness.BUILD, "tests", "interpose", "some_are_busy")
        done = subprocess.run([harness.NODEWISE, *run, "50", "--", allocates, "4", "2"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.nodewise(*run, "50", "--", "sh", "-c", "exit 7", code=7)
        self.nodewise(*run, "50", "--", "/no/such/program", code=127)
        self.nodewise(*run, "101", "--", "true", code=125)
        off = self.policy(POLICY.replace("[metrics]", 'memory = { arena = "off" }\n[metrics]'), "off.toml")
        self.nodewise("run", "-p", off, "--require-locality", "50", "--", "true")  # nothing is remote on one node

    def test_numbers_for_monitoring(self):
        process = self.start_busy()
        label = f'pid="{process.pid}",comm="some_are_busy",team="storage"'
        text = self.nodewise("metrics", "--once")
        self.assertIn(f'nodewise_threads{{{label},rule="defaults"}} 4', text)
        self.assertIn(f'nodewise_placements_total{{{label},rule="defaults",step="full"}} 4', text)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) nodewise_\w+ .+|nodewise_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+(\.\d+)?)$')
        self.assertTrue(self.nodewise("metrics", "--once", "--openmetrics").endswith("# EOF\n"))
        self.nodewise("metrics", "--textfile", self.path("nodewise.prom"))
        with open(self.path("nodewise.prom")) as file:
            self.assertIn(label, file.read())
        self.nodewise("metrics", "--once", "--textfile", "x", code=2)
        self.nodewise("metrics", "--listen", "nowhere", code=2)
        self.finish(process)

    def test_the_dashboard_draws_what_is_served(self):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "metrics", "grafana-dashboard.json")
        with open(path, encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        # names, types and help are served where there is nothing to count, too
        served = set(re.findall(r"(?m)^# TYPE (\w+)", self.nodewise("metrics", "--once")))
        drawn = set()
        for panel in panels:
            for target in panel["targets"]:
                names = re.findall(r"nodewise_\w+", target["expr"])
                self.assertTrue(names, panel["title"])
                drawn |= set(names)
        self.assertEqual(drawn - served, set())
        exchanges = {f"nodewise_exchange_{name}" for name in ("messages_total", "sent_bytes_total", "queued_bytes", "refusals_total")}
        self.assertEqual(exchanges - drawn, set())
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))

    def fetch(self, url, headers=None):
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=harness.SECONDS) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    def answers(self, url):
        try:
            return self.fetch(url)
        except OSError:
            return None

    def test_numbers_over_http(self):
        port = harness.free_port()
        server = self.start([harness.NODEWISE, "metrics", "--listen", f"127.0.0.1:{port}"], way="plain")
        url = f"http://127.0.0.1:{port}"
        kind, text = wait_until(lambda: self.answers(url + "/metrics"), "the server answers")
        self.assertIn("version=0.0.4", kind)
        self.assertIn("nodewise_processes", text)
        kind, text = self.fetch(url + "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
        self.assertIn("openmetrics", kind)
        self.assertTrue(text.endswith("# EOF\n"))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.fetch(url + "/etc/passwd")
        self.assertEqual(caught.exception.code, 404)
        caught.exception.close()
        self.nodewise("metrics", "--listen", f"127.0.0.1:{port}", code=3)
        server.terminate()
        self.assertEqual(server.wait(timeout=harness.SECONDS), 0)

    def ask_socket(self, path):
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(path)
            except OSError:
                return None
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            return client.makefile("rb").read().decode()

    def test_numbers_over_a_unix_socket(self):
        path = self.path("socket")
        for _ in range(2):  # the second finds what the killed first left
            server = self.start([harness.NODEWISE, "metrics", "--listen", "unix:" + path], way="plain")
            text = wait_until(lambda: self.ask_socket(path), "the server answers")
            self.assertIn("nodewise_processes", text)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            self.nodewise("metrics", "--listen", "unix:" + path, code=3)
            server.kill()
            server.wait()

    def test_top_as_text(self):
        process = self.start_busy()
        text = self.nodewise("top", "--batch", str(process.pid))
        for word in ("1 processes, 5 threads", "node 0", "threads\n", "rules\n", "memory\n", "events\n"):
            self.assertIn(word, text)
        only = self.nodewise("top", "--batch", "--tab", "rules", "--rule", "def", str(process.pid))
        self.assertIn("defaults", only)
        self.assertNotIn("(base)", only)
        self.assertNotIn("\nthreads\n", only)
        self.nodewise("top", "--batch", "--tab", "nothing", code=2)
        self.finish(process)
        self.nodewise("top", "--batch", str(process.pid), code=4)

    def test_views_of_many_threads(self):
        process = self.start_busy(2500)
        pid = str(process.pid)
        self.assertEqual(len(json.loads(self.nodewise("verify", pid, "--json"))["threads"]), 2501)
        self.assertIn("threads (some_are_busy", self.check_page(self.nodewise("report", pid, "-f", "html")))
        self.check_picture(self.nodewise("report", pid, "-f", "svg"))
        self.assertIn('rule="defaults"} 2500', self.nodewise("metrics", "--once"))
        self.assertIn("2501 threads", self.nodewise("top", "--batch", "--tab", "rules", pid))
        self.finish(process)

    def test_whose_pages_they_are(self):
        """The process says so when it passes a hook; else the report says why it is not known."""
        plan = self.path("p.plan")
        self.nodewise("compile", "-p", self.policy(POLICY), "-o", plan)

        def pages_of(program, *words, fault=""):
            process = self.start([os.path.join(harness.BUILD, "tests", "interpose", program), *words], way="plain",
                                 environment={"LD_PRELOAD": harness.FAULTY_SHIM, "NODEWISE_PLAN": plan, "NODEWISE_FAULT": fault},
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            process.stdout.readline()
            self.wait_until_seen(process.pid)
            pages = json.loads(self.nodewise("report", str(process.pid), "--pages", "--json"))["pages"]
            self.finish(process)
            return pages

        told = pages_of("threads_of_every_kind", "none")
        self.assertGreater(sum(rule["resident"] for rule in told["rules"]), 4096)  # it frees nearly all now and then
        self.assertGreater(told["home_locality"], 0.9)
        refused = pages_of("threads_of_every_kind", "none", fault="move_pages=EPERM")
        self.assertIsNone(refused["threads"])
        self.assertIn("move_pages", refused["threads_reason"])
        waiting = pages_of("sleeps_in_workers")
        self.assertIsNone(waiting["rules"])
        self.assertIn("hook", waiting["threads_reason"])

    def test_being_looked_at_wakes_no_thread(self):
        """Views read what is written anyway: a program that waits does not run because of them."""
        process = self.start([os.path.join(harness.BUILD, "tests", "interpose", "sleeps_in_workers")],
                             self.policy(POLICY), "run", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()

        def ran():
            turns = []
            for tid in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{tid}/schedstat", encoding="ascii") as file:
                    turns.append(file.read())
            return sorted(turns)

        def sleeps():
            """All wait for something, and the library's worker is gone, which wakes by itself."""
            for tid in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{tid}/stat", encoding="ascii") as file:
                    name, _, rest = file.read().partition("(")[2].rpartition(")")
                if name == "nodewise-worker" or rest.split()[0] != "S":
                    return False
            return True

        wait_until(sleeps, "it sleeps")
        before = ran()
        for words in (["metrics", "--once"], ["top", str(process.pid), "--batch"], ["show", str(process.pid)], ["ps"],
                      ["why", str(process.pid)], ["report", str(process.pid)]):
            self.nodewise(*words)
        self.assertEqual(ran(), before)

    def test_a_dry_run_says_what_would_be_done_and_starts_nothing(self):
        mark = self.path("started")
        policy = self.policy(POLICY)
        said = self.nodewise("run", "--dry-run", "-p", policy, "--", "touch", mark)
        self.assertFalse(os.path.exists(mark))
        self.assertRegex(said, rf"(?m)^\S*/\S+ would run under {re.escape(policy)}$")
        rules = self.nodewise("plan", "-p", policy).split("\n\n")[1]
        self.assertIn(rules, said)
        self.assertRegex(said, r"(?m)^touch ")

    def test_a_dry_run_of_what_is_no_target(self):
        """The condition is named as the policy's author wrote it."""
        for key, option in ("exe", "--exe"), ("comm", "--comm"):
            policy = self.policy(f'[target]\n{key} = "redis-server"\n' + POLICY)
            said = self.nodewise("run", "--dry-run", "-p", policy, "--", "true")
            self.assertIn(f"is not a target: the condition on target.{key} does not hold.", said)
            self.assertNotIn("would run under", said)
            said = self.nodewise("plan", "-p", policy, option, "/usr/bin/true", code=1)
            self.assertIn(f"not a target: the condition on target.{key} does not hold,", said)

    def test_a_dry_run_of_what_cannot_run(self):
        policy = self.policy(POLICY)
        self.nodewise("run", "--dry-run", "-p", policy, "--", "no-such-program", code=127)
        self.assertIn("Permission denied", self.errors("run", "--dry-run", "-p", policy, "--", policy, code=126))
        self.assertIn("Permission denied", self.errors("doctor", "--", policy, code=2))
        self.nodewise("run", "--dry-run", "-p", self.path("no-such-policy.toml"), "--", "true", code=125)

    def errors(self, *arguments, code):
        done = subprocess.run([harness.NODEWISE, *arguments], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr

    def test_why_a_file_cannot_be_written(self):
        missing = self.path("no/such/folder/file")
        self.assertIn("No such file or directory", self.errors("init", "redis", "-o", missing, code=2))
        self.assertIn("No such file or directory", self.errors("learn", "-o", "/dev/null", "--report", missing, "--", "true",
                                                               code=125))

    def test_why_a_plan_cannot_be_read(self):
        first, second = self.path("first.plan"), self.path("second.plan")
        self.nodewise("compile", "-p", self.policy(POLICY), "-o", first)
        self.nodewise("compile", "-p", self.policy("[defaults]\nbind_to = \"node\"\n"), "-o", second)
        process = self.start([BUSY, "2", "2"], way="plain", stdin=subprocess.PIPE,
                             environment={"LD_PRELOAD": harness.SHIM, "NODEWISE_PLAN": first})
        self.wait_until_seen(process.pid)
        self.assertEqual(self.show(process.pid)["plan"]["reason"], "")
        os.rename(second, first)
        self.assertIn("cannot be read (another plan has replaced it)", self.nodewise("show", str(process.pid)))
        os.unlink(first)
        self.assertIn("cannot be read (No such file or directory)", self.nodewise("show", str(process.pid)))
        self.finish(process)

    def test_why_a_folder_for_plans_is_not_used(self):
        """A folder of this user's name that another user made: the next one is used, and `doctor` says why."""
        user = 64321
        folder = f"/dev/shm/nodewise.{user}"
        os.mkdir(folder)
        self.addCleanup(os.rmdir, folder)
        os.chmod(self.folder, 0o755)
        os.mkdir(self.path("own"))
        os.chown(self.path("own"), user, -1)

        def said(*words):
            done = subprocess.run(["setpriv", f"--reuid={user}", "--clear-groups", harness.NODEWISE, *words], text=True,
                                  capture_output=True, env={"PATH": os.environ["PATH"], "TMPDIR": self.path("own")})
            return done.stdout + done.stderr
        self.assertRegex(said("compile", "--cached", "-p", self.policy(POLICY)), rf"^{self.path('own')}/nodewise.{user}/plans/")
        self.assertIn(folder + ": another user can write to it", said("doctor"))

    def test_reading_the_machine_connects_to_nobody(self):
        """A plugin of hwloc asks X servers for graphics cards."""
        calls = self.path("calls")
        done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=connect", "-o", calls, harness.NODEWISE, "topo"],
                              capture_output=True, text=True, timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(calls, encoding="utf-8") as file:
            self.assertEqual(file.read(), "")

    def test_threads_have_series_only_where_the_policy_says_so(self):
        series = r'(?m)^nodewise_thread_as_asked\{.*pid="%d".*\} 1$'
        process = self.start_busy(2)
        self.assertNotRegex(self.nodewise("metrics", "--once"), series % process.pid)
        self.finish(process)
        process = self.start_busy(2, POLICY.replace("[metrics]", "[metrics]\nper_thread = true"))
        found = re.findall(series % process.pid, self.nodewise("metrics", "--once"))
        tids = {int(re.search(r'tid="(\d+)"', line).group(1)) for line in found}
        self.assertEqual(tids, {int(tid) for tid in os.listdir(f"/proc/{process.pid}/task")} & tids)
        self.assertEqual(len(tids), 3)
        self.finish(process)

    def test_the_log_says_of_each_process_whether_it_is_governed(self):
        log = self.path("log")
        os.symlink(log, self.path("link"))
        policy = self.policy('[target]\nexe = "/usr/bin/env"\n' + POLICY)
        variables = harness.clean_environment() | {"LD_PRELOAD": harness.SHIM, "NODEWISE_POLICY": policy}

        def lines(path, **more):
            subprocess.run(["/usr/bin/env", "true"], env=variables | {"NODEWISE_LOG": path} | more, check=True,
                           timeout=harness.SECONDS)
            if not os.path.exists(log):
                return []
            with open(log) as file:
                return [re.sub(r"\d+", "PID", line) for line in file.read().splitlines()]

        self.assertEqual(lines(self.path("link")), [], "not through a link")
        self.assertEqual(lines("log"), [], "an absolute path alone")
        first = lines(log)
        self.assertEqual(first[0], "nodewise[PID]: active")
        self.assertRegex(first[1], r"^nodewise\[PID\]: dormant: .+")
        self.assertEqual(len(first), 2, "a line for each process")
        self.assertEqual(os.stat(log).st_mode & 0o777, 0o600)
        self.assertRegex(lines(log, NODEWISE_DISABLE="1")[2], "dormant: .*NODEWISE_DISABLE")

    def test_what_to_paste(self):
        policy = self.policy(POLICY)
        done = subprocess.run(["sh", "-c", self.nodewise("env", "--sh", "-p", policy) + 'echo "$LD_PRELOAD $NODEWISE_POLICY"'],
                              capture_output=True, text=True, env=harness.clean_environment())
        self.assertEqual(done.stdout.split(), [harness.SHIM, policy])
        self.assertIn(f'Environment="LD_PRELOAD={harness.SHIM}"', self.nodewise("env", "--systemd", "-p", policy))
        self.assertIn("--cap-add SYS_NICE", self.nodewise("env", "--docker", "-p", policy))
        self.assertIn("hostPath", self.nodewise("env", "--k8s", "-p", policy))
        self.nodewise("env", code=2)

    def test_every_verb_has_its_page(self):
        folder = os.path.join(harness.BUILD, "tools", "man")
        for verb in re.findall(r"^  (\w+) ", self.nodewise("help"), re.MULTILINE):
            page = os.path.join(folder, f"nodewise-{verb}.1")
            done = subprocess.run(["mandoc", "-Tlint", "-W", "error", page], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout)
        text = subprocess.run(["mandoc", "-Tascii", os.path.join(folder, "nodewise-codes.7")], capture_output=True, text=True).stdout
        text = re.sub(".\b", "", text)
        for word in ("E012", "W007", "no-free-slot", "not-bound"):
            self.assertIn(word, text)

    def test_a_policy_from_one_run(self):
        policy = self.path("learned.toml")
        done = subprocess.run([harness.NODEWISE, "learn", "-o", policy, "--", "sh", "-c", f"sleep 1 | {BUSY} 6 2; exit 5"],
                              capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 5, done.stderr)
        done = subprocess.run([harness.NODEWISE, "learn", "-o", policy, "--", "timeout", "--foreground", "-s", "KILL", "30",
                               BUSY, "6", "2"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.nodewise("check", policy)
        with open(policy) as file:
            self.assertIn("Learned from one run", file.read())

    def test_a_policy_from_a_program_that_is_killed(self):
        policy = self.path("learned.toml")
        done = subprocess.run([harness.NODEWISE, "learn", "-o", policy, "--", "sh", "-c", "sleep 1; kill -9 $$"],
                              capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 128 + 9, done.stderr)
        self.nodewise("check", policy)


if __name__ == "__main__":
    harness.main()
