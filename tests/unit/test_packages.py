"""tools/check installs every program that the tests call.

The words of Python's string literals, shell scripts, build files and C's calls of programs under tests/ that name an executable
of this machine are mapped to their Debian packages. Each package must be one that every Debian has, or be installed with
the lists in tools/packages.sh. A program that is missing on this machine cannot be noticed: its test fails then."""

import ast
import functools
import os
import re
import subprocess
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PATH = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")  # as in tools/check, without what the machine's owner added
LISTS = ("build_packages", "show_packages", "test_packages", "lab_packages", "cross_packages", "root_packages", "package_packages")
SCRIPTS = ("tools/check", "tools/check-install", "tools/check-suites", "tools/check-musl", "tools/check-fresh", "tools/check-package",
           "tools/check-platforms", "tools/enter-root", "tools/package", "tools/quickstart", "tools/roots.sh", "tools/try-packages")

# Words that name a program of no list, and are meant as something else: why.
EXCEPTIONS = {
    "file": "the log's word in a policy",
    "init": "a verb of nodewise",
    "less": "a verdict of doctor",
    "likwid-pin": "a heading of the manual, whose line is not called: it is not in the guest",
    "man": "a folder",
    "open": "a folder that everybody may write",
    "poweroff": "an applet of busybox, for the guest",
    "shutdown": "a command of redis",
    "time": "a word of the guest's kernel line and of a thread's states",
    "write": "an action of a test",
}


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            yield node.body[0].value


def texts_of_python(source):
    tree = ast.parse(source)
    skipped = set(docstrings(tree))
    return [node.value for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped]


def texts_of_c(source):
    """The literals of calls that start a program."""
    calls = re.findall(r"\b(?:exec[lv]\w*|posix_spawnp?|system|popen)\(([^;]*);", source)
    return [text for call in calls for text in re.findall(r'"([^"]*)"', call)]


def texts_of_meson(source):
    return re.findall(r"\bfind_program\('([^']*)'", source)


def texts_of_shell(source):
    return [line.strip() for line in source.splitlines() if not line.lstrip().startswith("#")]


def texts_of(path):
    """What may name a program in a file, as texts; nothing for files of other kinds."""
    source = read(path)
    first = source.split("\n", 1)[0]
    if path.endswith(".py") or (first.startswith("#!") and "python" in first):
        return texts_of_python(source)
    if path.endswith((".c", ".cpp")):
        return texts_of_c(source)
    if os.path.basename(path) == "meson.build":
        return texts_of_meson(source)
    if path.endswith(".sh") or (first.startswith("#!") and first.endswith(("sh", "bash"))):
        return texts_of_shell(source)
    return []


def files():
    for folder, folders, names in os.walk(os.path.join(ROOT, "tests")):
        folders[:] = [name for name in folders if name not in ("corpus", "expected", "__pycache__")]
        yield from (os.path.join(folder, name) for name in names if name != os.path.basename(__file__))
    yield from (os.path.join(ROOT, name) for name in SCRIPTS)


def words_of(text):
    """Words as a shell would part them, without quotes; "--program=x" and "a/b:c" give x and the parts too."""
    return re.split(r"[\s\\|;&()<>$\"'`{},=:]+", text)


def program(word):
    """The path of the executable that a word names."""
    if not re.fullmatch(r"/?[\w./+-]*[a-z][\w./+-]*", word):
        return None
    if "/" in word and not word.startswith(("/usr/", "/bin/", "/sbin/")):
        return None
    candidates = [word] if "/" in word else [os.path.join(folder, word) for folder in PATH]
    return next((path for path in candidates if os.path.isfile(path) and os.access(path, os.X_OK)), None)


@functools.cache
def words():
    """{word: one of the files that it stands in}."""
    return {word: os.path.relpath(path, ROOT) for path in files() for text in texts_of(path) for word in words_of(text)}


@functools.cache
def programs():
    """{word: (its path, its package or None, one of the files that it stands in)}."""
    found = {word: (program(word), file) for word, file in words().items() if program(word)}
    packages = owners({path for path, _ in found.values()})
    return {word: (path, packages.get(path), file) for word, (path, file) in found.items()}


def owners(paths):
    """{path: package}, of links too: alternatives and a merged /usr. A path that no package has is left out."""
    names = {path: [form for name in (path, os.path.realpath(path)) for form in (name, re.sub(r"^/usr/", "/", name))]
             for path in paths}
    forms = sorted({form for several in names.values() for form in several})
    done = subprocess.run(["dpkg", "-S", *forms], capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})
    owned = {}
    for line in done.stdout.splitlines():
        packages, _, name = line.rpartition(": ")
        if not packages.startswith("diversion by"):
            owned[name] = packages.split(",")[0].split(":")[0]
    return {path: next(owned[form] for form in several if form in owned)
            for path, several in names.items() if any(form in owned for form in several)}


@functools.cache
def installed():
    """{package: (whether every Debian has it, the packages that it needs)}, and {virtual package: providers}."""
    fields = "${Package}\t${Essential}\t${Priority}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", fields], capture_output=True, text=True, check=True).stdout
    packages, providers = {}, {}
    for line in listed.splitlines():
        name, essential, priority, needs, provides = line.split("\t")
        alternatives = [[re.split(r"[\s:(]", one.strip())[0] for one in need.split("|")] for need in needs.split(",")]
        packages[name] = essential == "yes" or priority == "required", alternatives
        for virtual in re.findall(r"([\w.+-]+)(?: \([^)]*\))?(?:, |$)", provides):
            providers.setdefault(virtual, []).append(name)
    return packages, providers


def closure(names):
    """The installed packages that come with these."""
    packages, providers = installed()
    waiting = [*names, *(name for name, (always, _) in packages.items() if always)]
    found = set()
    while waiting:
        name = waiting.pop()
        if name not in found and name in packages:
            found.add(name)
            for alternatives in packages[name][1]:
                there = [one for one in alternatives if one in packages or one in providers]
                waiting += there[:1]
        elif name not in packages:
            waiting += [one for one in providers.get(name, []) if one not in found]
    return found


def listed(text, names=LISTS):
    return {word for name in names for body in re.findall(rf"^{name}=\((.*?)\)", text, re.M | re.S) for word in body.split()}


def not_installed(lists):
    """["WORD of PACKAGE in FILE"] of the programs that these lists do not bring."""
    covered = closure(listed(lists))
    return sorted(f"{word} of {package} in {file}" for word, (_, package, file) in programs().items()
                  if package not in covered and word not in EXCEPTIONS)


class Packages(unittest.TestCase):
    def setUp(self):
        self.lists = read(os.path.join(ROOT, "tools", "packages.sh"))

    def test_what_the_tests_call_is_in_a_list_that_check_installs(self):
        self.assertEqual(not_installed(self.lists), [])

    def test_a_program_whose_package_is_taken_out_is_found(self):
        for word, package in (("numactl", "numactl"), ("redis-server", "redis-server"), ("busybox", "busybox-static"),
                              ("mandoc", "mandoc"), ("java", "default-jdk-headless")):
            with self.subTest(word=word):
                if program(word):  # --no-lab leaves some out
                    without = re.sub(rf"(?<=[\s(]){package}(?=[\s)])", "", self.lists)
                    self.assertIn(word, [line.split()[0] for line in not_installed(without)])

    def test_every_exception_is_needed(self):
        self.assertEqual(EXCEPTIONS.keys() - words().keys(), set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
