"""malloc and its kin: what they promise, under each kind of arena and where there is none, and what real programs do to
an allocator: forks among busy threads, destructors, limits, mistakes."""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
ARENAS = ("node", "core", "process", "off")


class Memory(harness.ProgramTest):
    def arena(self, kind="node", more="", bind_to="none"):
        return self.policy(f'[defaults]\nbind_to = "{bind_to}"\nmemory = {{ arena = "{kind}"{more} }}\n', f"{kind}.toml")

    def outcome(self, name, policy=None, way="run", arguments=(), environment=None, limit=None):
        command = [os.path.join(ZOO, name), *arguments]
        if limit:
            command = ["bash", "-c", f'ulimit {limit}; exec "$0" "$@"', *command]
            # the limit is the program's: the command, which compiles the policy, is not to be limited
            way, environment = "keys", (environment or {}) | {"NODEWISE_PLAN": self.compiled(policy)}
        process = self.start(command, policy, way, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(timeout=harness.SECONDS * 2)
        return output.decode(), errors.decode(), process.returncode

    def compiled(self, policy):
        self.nodewise("compile", "-p", policy, "-o", self.path("limited.plan"))
        return self.path("limited.plan")

    def assert_same(self, name, policy, **more):
        self.assertEqual(self.outcome(name, policy, **more), self.outcome(name, None, "plain"), policy)


class Contract(Memory):
    def check(self, policy, **more):
        output, errors, code = self.outcome("malloc_contract", policy, **more)
        self.assertRegex(output, r"(?s)\A\d{4,} checks, 0 failures\n\Z")
        self.assertEqual((errors, code), ("", 0))

    def test_each_kind_of_arena(self):
        for kind in ARENAS:
            with self.subTest(kind):
                self.check(self.arena(kind))

    def test_hardened(self):
        self.check(self.arena(), environment={"NODEWISE_HARDEN": "1"})

    def test_dormant(self):
        """`run` itself says that the program is no target; the library, without it, nothing."""
        policy = self.policy('[target]\nexe = "/usr/bin/another"\n[defaults]\nbind_to = "cpu"\n')
        self.check(policy, way="preload")

    def test_without_any_policy(self):
        self.check(None, way="keys")

    def test_huge_pages_with_or_without_the_kernels_pool(self):
        for pages in ("thp", "never", "2MiB", "1GiB"):
            with self.subTest(pages):
                self.check(self.arena(more=f', huge_pages = "{pages}"'))

    def test_prefaulted(self):
        for prefault in ("touch", "populate"):
            with self.subTest(prefault):
                self.check(self.arena(more=f', prefault = "{prefault}", prefault_size = "8MiB"'))

    def test_small_address_spaces(self):
        for kib in (500 << 10, 2 << 20): # it asks for 200 MiB at once
            with self.subTest(kib):
                self.check(self.arena(), limit=f"-v {kib}")


class Mappings(Memory):
    """mmap and its kin do the same with every policy for what they map as without us."""

    POLICIES = ('policy = "interleave"', 'policy = "local", huge_pages = "thp"', 'policy = "bind", nodes = "0"',
                'huge_pages = "never", prefault = "populate"', 'huge_pages = "2MiB", prefault = "touch"',
                'library = "mmap_contract", policy = "preferred"')

    def test_the_contract(self):
        plain = self.outcome("mmap_contract", None, "plain")
        self.assertRegex(plain[0], r"\A\d{2,} checks, 0 failures\n\Z")
        for number, region in enumerate(self.POLICIES):
            policy = self.policy(f"[defaults.memory]\nregions = [{{ {region} }}]\n", f"{number}.toml")
            for way in ("run", "keys"):
                with self.subTest(region=region, way=way):
                    self.assertEqual(self.outcome("mmap_contract", policy, way), plain)
        self.assertEqual(self.outcome("mmap_contract", self.arena()), plain)

    def test_what_could_not_be_had_is_counted(self):
        policy = self.policy('[defaults.memory]\nregions = [{ name = "file", kind = "file", policy = "local" },'
                             '{ name = "huge", kind = "anonymous", min_size = "4MiB", huge_pages = "2MiB" }]\n')
        self.nodewise("run", "-p", policy, "--report", self.path("r.json"), "--", os.path.join(ZOO, "mmap_contract"))
        with open(self.path("r.json"), encoding="utf-8") as file:
            found = {mapping["mapping_rule"]: mapping for mapping in json.load(file)["mappings"]}
        self.assertGreaterEqual(found["file"]["strict"], 2)
        self.assertGreaterEqual(found["huge"]["best_effort"], 2)
        self.assertEqual((found["huge"]["strict"], found["huge"]["reason"]), (0, "no-huge-pages"))


class Programs(Memory):
    def test_same_as_without_us(self):
        wrappers = [f"wraps_libc_malloc_{functions}" for functions in (1, 2, 4, 7)]
        for name in ("frees_in_destructors", "allocates_before_main", "own_malloc", "new_and_delete", *wrappers):
            for kind in ARENAS:
                with self.subTest(name=name, kind=kind):
                    self.assert_same(name, self.arena(kind))

    def test_no_byte_belongs_to_two(self):
        for kind, environment in (("node", {}), ("core", {}), ("process", {}), ("node", {"NODEWISE_HARDEN": "1"})):
            with self.subTest(kind=kind, environment=environment):
                self.assertEqual(self.outcome("checks_every_byte", self.arena(kind), environment=environment),
                                 ("0 bad blocks\n", "", 0))

    def test_the_allocator_behind_is_set_up_before_threads_ask_it(self):
        for _ in range(100):
            self.assertEqual(self.outcome("trims_at_once", self.arena()), ("done\n", "", 0))

    def test_children_of_a_process_that_locked_itself_in(self):
        for _ in range(4):
            self.assertEqual(self.outcome("checks_every_byte", self.arena(), arguments=["locked-in"]), ("0 bad blocks\n", "", 0))

    def test_forks_among_busy_threads(self):
        self.assertEqual(self.outcome("fork_while_allocating", self.arena()), ("300 children of 300 ended well\n", "", 0))

    def test_forks_of_all_threads_at_once(self):
        for _ in range(3):
            self.assertEqual(self.outcome("forks_in_every_thread", self.arena()), ("600 children of 600 ended well\n", "", 0))

    def test_forks_from_a_signal_handler_that_interrupted_malloc(self):
        self.assertEqual(self.outcome("fork_in_signal_handler", self.arena()), ("150 children of 150 ended well\n", "", 0))

    def test_libraries_that_are_bound_deeply(self):
        self.assertEqual(self.outcome("opens_library_deeply", self.arena()), ("42\n", "", 0))

    def test_libraries_keep_their_own_operator_new(self):
        self.assertEqual(self.outcome("opens_own_new", self.arena()), ("4 of 4\n", "", 0))

    def test_no_memory_is_enomem_and_nothing_else(self):
        for limit in ("-v 65536", "-v 200000", "-d 32768", "-d 200000"):
            for piece in ("1", "64", "1000"):
                with self.subTest(limit=limit, piece=piece):
                    output, _, code = self.outcome("allocates_until_null", self.arena(), arguments=[piece], limit=limit)
                    self.assertEqual((output, code), ("fine\n", 0))

    def test_memory_goes_back(self):
        start, after_work, after_trim = map(int, self.outcome("gives_memory_back", self.arena())[0].split())
        self.assertLessEqual(after_trim, start * 1.2)
        self.assertLessEqual(after_work, start * 2)

    def test_large_objects_of_calloc_cost_what_is_used_of_them(self):
        output, errors, code = self.outcome("clears_large", self.arena())
        self.assertRegex(output, r"\A(-?\d+\n){6}\Z")
        self.assertLessEqual(max(map(int, output.split())), 8)
        self.assertEqual((errors, code), ("", 0))

    def test_large_objects_that_grow_in_turn_are_not_copied(self):
        output, errors, code = self.outcome("grows_large", self.arena())
        self.assertEqual((output.split()[:1], errors, code), (["kept"], "", 0))
        self.assertLessEqual(int(output.split()[1]), 110)

    def goes_idle(self, shape, mib, time, *arguments):
        """KiB at the start, at the peak and idle; threads idle, and the most."""
        policy = self.policy(f'[process]\nmemory_return = "{time}"\n[defaults]\nbind_to = "none"\n')
        output, errors, code = self.outcome("goes_idle", policy, arguments=[shape, mib, *arguments])
        self.assertEqual((errors, code), ("", 0))
        return map(int, output.split())

    def test_an_idle_process_gives_back_what_it_freed(self):
        """In each shape, with the KiB that may stay beside what was there at the start."""
        for shape, most in (("big", 3 << 10), ("small", 12 << 10), ("mixed", 24 << 10), ("ends", 3 << 10), ("handed", 2 << 10)):
            with self.subTest(shape=shape):
                start, peak, idle, threads, _ = self.goes_idle(shape, "100", "1s", str(harness.SECONDS), str(most))
                self.assertGreater(peak, start + (90 << 10))
                self.assertLessEqual(idle, start + most)
                self.assertEqual(threads, 2 if shape == "handed" else 1, "the worker goes when all is done")

    def test_an_idle_process_keeps_what_it_freed_where_that_is_asked(self):
        _, peak, idle, _, threads = self.goes_idle("big", "100", "0s", "1")
        self.assertGreater(idle, peak - 1024)
        self.assertEqual(threads, 1)

    def test_no_thread_comes_for_a_little_idle_memory(self):
        self.assertEqual(list(self.goes_idle("small", "12", "4s", "0.2"))[3:], [1, 1])

    def test_malloc_trim_reaches_a_thread_that_waits(self):
        output, _, _ = self.outcome("freed_elsewhere", self.arena(), arguments=["trimmed", "3"])
        start, everything, freed, _ = map(int, output.split())
        self.assertGreater(everything, start + 2 * 1024)
        self.assertLessEqual(freed, start + 512)

    def test_memory_of_threads_that_ended_or_wait_goes_back(self):
        for what in ("ended", "waiting", "lazily"):
            with self.subTest(what=what):
                output, _, _ = self.outcome("freed_elsewhere", self.arena(), arguments=[what, "200"])
                start, _, _, after_work = map(int, output.split())
                self.assertLessEqual(after_work, start + 16 * 1024)


class Mistakes(Memory):
    def check(self, which, line, **more):
        output, errors, code = self.outcome("frees_twice", self.arena(), arguments=[which], **more)
        self.assertEqual((output, code), ("", -signal.SIGABRT))
        self.assertRegex(errors, rf"\Afree\(\): {line}.*\(nodewise\)\n\Z")

    def test_a_large_object_freed_twice(self):
        self.check("l", "double free")

    def test_the_middle_of_a_large_object(self):
        self.check("i", "invalid pointer")

    def test_a_small_block_freed_twice_when_hardened(self):
        self.check("s", "double free", environment={"NODEWISE_HARDEN": "1"})

    def test_the_middle_of_a_block_when_hardened(self):
        self.check("m", "invalid pointer", environment={"NODEWISE_HARDEN": "1"})


class Areas(Memory):
    """vm.max_map_count: what the library and the arenas add is a constant, however many threads there are."""

    MOST = 64

    def areas(self, threads, policy=None, way="plain"):
        output, errors, code = self.outcome("counts_areas", policy, way, [str(threads)])
        self.assertEqual((errors, code), ("", 0))
        return int(output)

    def test_few_areas_more_for_any_number_of_threads(self):
        for bind_to, more in (("none", ""), ("node", ', stack = "local", policy = "preferred", migrate_on_move = true')):
            for threads in (4, 100, 600):
                with self.subTest(threads=threads, more=more):
                    with_us = self.areas(threads, self.arena("node", more, bind_to), "run")
                    self.assertLessEqual(with_us, self.areas(threads) + self.MOST)


if __name__ == "__main__":
    harness.main()
