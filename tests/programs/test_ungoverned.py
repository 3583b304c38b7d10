"""`run` on what the library does not get into, or what is no target: it says so in one line, runs it all the same with
what the policy has for a process as a whole, and with --strict does not run it."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list

TELL = "#include <stdio.h>\n#include <string.h>\nint main(void) { char line[256]; FILE *f = fopen(\"/proc/self/status\", \"r\");" \
       "while (f && fgets(line, 256, f)) if (!strncmp(line, \"Cpus_allowed_list\", 17)) fputs(line, stdout); return 7; }\n"
BARE = "void _start(void) { __asm__(\"mov $1, %eax; mov $7, %ebx; int $0x80\"); }\n"


class Ungoverned(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.first, self.last = min(self.allowed), max(self.allowed)
        self.two = self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')

    def compiled(self, name, *flags, source=TELL, compiler="gcc"):
        program = self.path(name)
        subprocess.run([compiler, "-x", "c", "-o", program, "-", *flags], input=source.encode(), check=True)
        return program

    def script(self, name, first_line):
        with open(self.path(name), "w") as file:
            file.write(first_line + "\ngrep Cpus_allowed_list /proc/$$/status; exit 7\n")
        os.chmod(self.path(name), 0o755)
        return self.path(name)

    def run_it(self, policy, *command, options=(), before=()):
        done = subprocess.run([*before, harness.NODEWISE, "run", "-p", policy, *options, "--", *command],
                              capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        return done.returncode, done.stdout, done.stderr

    def check(self, word, command, policy=None, before=(), cpus=None):
        """It says so, in a line, and runs; with --strict it does not run."""
        status, output, errors = self.run_it(policy or self.two, *command, before=before)
        self.assertEqual((status, errors.count("\n")), (7, 1), errors)
        self.assertRegex(errors, rf"\Anodewise: .*{word}.*\n\Z")
        if cpus:
            self.assertEqual(cpu_list(output.split()[-1]), cpus)
            self.assertEqual(cpu_list(re.search("the process as a whole has CPUs ([0-9,-]+)", errors)[1]), cpus)
        strict = self.run_it(policy or self.two, *command, options=["--strict"], before=before)
        self.assertEqual((strict[0], strict[1], strict[2].count("\n")), (3, "", 1), strict[2])
        self.assertRegex(strict[2], word)

    def check_governed(self, *command, policy=None):
        for options in ([], ["--strict"]):
            status, output, errors = self.run_it(policy or self.two, *command, options=options)
            self.assertEqual((status, errors), (7, ""))
            self.assertEqual(cpu_list(output.split()[-1]), {self.last})

    def test_static_programs(self):
        self.check("linked statically", [self.compiled("static", "-static")], cpus={self.last})
        self.check("linked statically", [self.compiled("static-pie", "-static-pie")], cpus={self.last})
        self.check("linked statically", ["busybox", "sh", "-c", "grep Cpus_allowed_list /proc/self/status; exit 7"],
                   cpus={self.last})

    def test_a_script_is_what_runs_it(self):
        self.check("busybox is linked statically", [self.script("inner", "#! /bin/busybox sh")], cpus={self.last})
        self.check("busybox is linked statically", [self.script("outer", f"#!{self.script('inner', '#!/bin/busybox sh')}")])
        self.check_governed(self.script("ordinary", "#!/bin/sh -e"))
        self.check_governed(self.script("without", ""))

    def test_the_whole_process_gets_what_all_rules_have_together(self):
        static = self.compiled("static", "-static")
        both = self.policy(f'[[rules]]\nname = "a"\nmatch = {{ main = true }}\ncpus = "{self.first}"\n'
                           f'[[rules]]\nname = "b"\nmatch = {{ thread = "b" }}\ncpus = "{self.last}"\n', "both.toml")
        self.check("linked statically", [static], both, cpus={self.first, self.last})
        within = self.run_it(both, static, before=["taskset", "-c", str(self.first)])
        self.assertEqual(cpu_list(within[1].split()[-1]), {self.first}, "never more than the start has")

    def test_memory_policy(self):
        """Asked of the kernel: numactl, which inherits it from the static program that becomes it."""
        for policy, mode in (("bind", "bind"), ("preferred", "preferred"), ("interleave", "interleave")):
            with self.subTest(policy=policy):
                text = self.policy(f'[target]\ncomm = "busybox"\n[defaults]\nmemory = {{ policy = "{policy}" }}\n', "memory.toml")
                status, output, errors = self.run_it(text, "busybox", "sh", "-c", "exec numactl --show")
                self.assertEqual(status, 0, errors)
                self.assertIn(f"policy: {mode}", output.splitlines())
                self.assertIn(f", memory {policy}:0", errors)

    def test_other_rights(self):
        self.assertEqual(os.geteuid(), 0, "needs root: only root gives a file to somebody else")
        other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        os.chown(self.two, 65534, 65534)
        os.chown(self.folder, 65534, 65534)
        program = self.compiled("setuid")
        os.chmod(program, 0o4755)
        self.check("setuid", [program], before=other, cpus={self.last})
        program = self.compiled("setgid")
        os.chmod(program, 0o2755)
        self.check("setgid", [program], before=other)
        program = self.compiled("capable") # CAP_NET_RAW, permitted and effective
        os.setxattr(program, "security.capability", bytes.fromhex("010000020020000000000000" + "00" * 8))
        self.check("file capabilities", [program], before=other)
        self.assertEqual(self.run_it(self.two, program, before=[*other, "--no-new-privs"])[::2], (7, ""),
                         "its rights are not given to it")

    def test_of_32_bits(self):
        program = self.compiled("small", "-m32", "-static", "-nostdlib", source=BARE)
        if harness.is_executable(program):
            self.check("32-bit", [program])
        else: # it is said all the same
            self.assertRegex(self.run_it(self.two, program)[2], r"\Anodewise: .*32-bit.*\n")
            self.assertEqual(self.run_it(self.two, program, options=["--strict"])[0], 3)

    def test_another_c_librarys_loader(self):
        loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
        shutil.copy(loader, self.path("ld-other.so.1"))
        program = self.compiled("other", "-Wl,--dynamic-linker=" + self.path("ld-other.so.1"))
        self.check("another C library", [program])
        self.check_governed(self.compiled("musl", compiler="musl-gcc"))
        self.check_governed(loader, self.compiled("plain"))

    def test_no_target(self):
        for more in ("", 'children = "none"\n'):
            policy = self.policy(f'[target]\nexe = "/usr/bin/other"\n{more}[defaults]\nbind_to = "cpu"\n', "other.toml")
            self.check(r"no target of .*other.toml.*target\.exe", ["sh", "-c", "exit 7"], policy)
        policy = self.policy(f'[target]\nargv = "*sh -e {self.path("named")} a b"\ncomm = "named"\n[[rules]]\nname = "main"\n'
                             f'match = {{ main = true }}\ncpus = "{self.last}"\n', "script.toml")
        self.check_governed(self.script("named", "#!/bin/sh -e"), "a", "b", policy=policy)

    def test_a_script_of_a_target(self):
        policy = self.policy(f'[target]\nexe = "{os.path.realpath("/bin/sh")}"\n[[rules]]\nname = "main"\n'
                             f'match = {{ main = true }}\ncpus = "{self.last}"\n', "interpreter.toml")
        for first_line in ("#!/bin/sh", "#!/bin/sh -e"):
            self.check_governed(self.script("named", first_line), "a", policy=policy)

    def test_what_cannot_be_started_is_said_as_ever(self):
        self.assertEqual(self.run_it(self.two, "/nowhere", options=["--strict"])[0], 127)
        with open(self.path("no-program"), "wb") as file:
            file.write(b"\x7fELF\x02 and no more")
        os.chmod(self.path("no-program"), 0o755)
        self.assertIn(self.run_it(self.two, self.path("no-program"))[0], (2, 126, 127))


if __name__ == "__main__":
    harness.main()
