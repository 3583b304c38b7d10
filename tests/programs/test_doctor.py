"""What `doctor -- COMMAND` says of programs that a preloaded library does not reach, or not as it should."""

import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus", "program")


class Doctor(harness.ProgramTest):
    def findings(self, command):
        """{what it is about: how bad it is}. The machine that runs the tests may lack something itself."""
        done = subprocess.run([harness.NODEWISE, "doctor", "--json", "--", *command], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if answer["worst"] == "no" else 0, done.stderr)
        return {finding["about"]: finding["health"] for finding in answer["findings"]}

    def compiled(self, name, *flags):
        program = self.path(name)
        subprocess.run(["gcc", "-x", "c", "-o", program, "-", *flags], input=b"int main(void) { return 0; }\n", check=True)
        return program

    def sample(self, name):
        program = shutil.copy(os.path.join(CORPUS, name), self.path(name))
        os.chmod(program, 0o755)
        return program

    def test_an_ordinary_program(self):
        self.assertEqual(self.findings([self.compiled("plain")])["dynamic"], "fine")

    def test_a_static_one_is_out_of_reach(self):
        self.assertEqual(self.findings([self.compiled("static", "-static")])["static"], "no")

    def test_a_sanitizer_is_first_in_the_order(self):
        self.assertEqual(self.findings([self.compiled("asan", "-fsanitize=address")])["sanitizer"], "no")

    def test_musl(self):
        self.assertEqual(self.findings([self.sample("musl")])["musl"], "fine")

    def test_a_32_bit_one(self):
        program = self.sample("dynamic")
        with open(program, "r+b") as file:
            file.seek(4) # EI_CLASS
            file.write(b"\1")
        self.assertEqual(self.findings([program])["32 bit"], "no")

    def test_a_setuid_one(self):
        self.assertEqual(os.geteuid(), 0, "needs root: only root gives a file to somebody else")
        program = self.compiled("setuid")
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
        self.assertEqual(self.findings([program])["setuid"], "no")

    def test_a_script_is_what_runs_it(self):
        found = self.findings([self.sample("script")])
        self.assertEqual((found["script"], found["dynamic"]), ("fine", "fine"))

    def test_an_allocator_of_its_own(self):
        self.assertEqual(self.findings(["redis-server"])["allocator"], "less")

    def test_variables_of_other_tools(self):
        done = subprocess.run([harness.NODEWISE, "doctor"], capture_output=True, text=True,
                              env=harness.clean_environment() | {"OMP_PROC_BIND": "close"})
        self.assertIn("OMP_PROC_BIND=close", done.stdout)

    def test_the_policy_that_a_run_would_have(self):
        self.assertIn("preset:auto is the policy of `nodewise run`: no file is in a standard place",
                      self.nodewise("doctor"))
        bad = self.policy("[defaults]\nbind_to = \"knode\"\n")
        done = subprocess.run([harness.NODEWISE, "doctor", "-p", bad], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{bad} cannot be carried out here", done.stdout)
        self.assertIn("knode", done.stderr)
        good = self.policy("[defaults]\nbind_to = \"node\"\n")
        self.assertIn(f"{good} is the policy of `nodewise run`", self.nodewise("doctor", "-p", good))

    def test_what_is_no_program(self):
        self.nodewise("doctor", "--", "/nowhere", code=2)
        self.assertEqual(self.findings([self.sample_text()])["program"], "no")

    def sample_text(self):
        with open(self.path("text"), "w") as file:
            file.write("hello\n")
        os.chmod(self.path("text"), 0o755)
        return self.path("text")


if __name__ == "__main__":
    harness.main()
