"""Everything that is checked, and nothing else is the way to check it: `nox -s tests`, `nox -s lint`, …"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.version import Version

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "typing", "docs", "tests", "pythons", "lowest"]

PROJECT = nox.project.load_toml("pyproject.toml")

OLDEST = int(PROJECT["project"]["requires-python"].removeprefix(">=3."))
"""The minor version of the oldest Python 3 that is supported."""

# What differs between versions of Python and of the dependencies: event loops and cancellation, threads and
# SQLite, sockets and TLS, JSON, URLs and Unicode, docstrings, the options of the command line, a real batch.
# Tests of rules that only compute, or whose tests are slow, run in `tests` alone.
SELECTION = (
    "tests/policy/test_durations.py",
    "tests/policy/rate/test_rules.py",
    "tests/policy/test_transitions.py",
    "tests/api/test_bounded_json.py",
    "tests/api/test_ids.py",
    "tests/api/test_origins.py",
    "tests/api/test_responses.py",
    "tests/api/test_retry_after.py",
    "tests/api/test_text.py",
    "tests/journal/test_connection.py",
    "tests/journal/test_journal.py",
    "tests/journal/test_ledger.py",
    "tests/journal/beside/test_marks.py",
    "tests/journal/beside/test_rescue.py",
    "tests/journal/test_store.py",
    "tests/journal/test_writer.py",
    "tests/_http/test_aiohttp.py",
    "tests/_http/test_client.py",
    "tests/_http/test_content_encoding.py",
    "tests/_http/test_exchange.py",
    "tests/_http/test_pools.py",
    "tests/swap/test_downloads.py",
    "tests/swap/test_images.py",
    "tests/swap/test_one_swap.py",
    "tests/swap/test_output_files.py",
    "tests/swap/test_session.py",
    "tests/swap/test_submit_cancellation.py",
    "tests/swap/test_submit_sending.py",
    "tests/swap/test_uploads.py",
    "tests/batch/test_resume.py",
    "tests/stories/test_payloads.py",
    "tests/cli/test_help.py",
    "tests/cli/test_main.py",
    "tests/testing/test_clients.py",
    "tests/test_client.py",
    "tests/test_concurrency.py",
    "tests/test_events.py",
    "tests/test_models.py",
)

WHEELS: list[Path] = []
"""The wheel of this run of nox, once it is built."""

AT_ONCE = 2
"""Pythons on which the selection runs at the same time: each takes one processor."""

PREVIEW = {"preview", "demo"}
"""Extras that take longer to install than the selection takes to run, and of which it needs nothing."""

# The tests' own packages, and not the checkout's `segmind_swap`, which would come before the wheel.
BESIDE_THE_WHEEL = {"PYTHONPATH": str(Path("tests").resolve()), "PYTHONSAFEPATH": "1"}


def group(name: str) -> list[str]:
    """The packages of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


def built_wheel(session: nox.Session) -> Path:
    """The wheel, which the first session that needs it builds."""
    if not WHEELS:
        target = Path(session.create_tmp()).resolve()
        for old in target.glob("*.whl"):
            old.unlink()
        session.run("python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(target), ".", silent=True)
        WHEELS.extend(target.glob("*.whl"))
    return WHEELS[0]


def install_wheel(session: nox.Session) -> None:
    """Builds the wheel and installs that, with every extra: what is tested is what users get."""
    wheel = built_wheel(session)
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.install(f"segmind-swap[demo] @ {wheel.as_uri()}")


def commands() -> Iterator[tuple[str, str]]:
    """Commands that may be a supported Python, and the version in their name, if any.

    They are this interpreter, those on the path, and those of pyenv.
    """
    yield sys.executable, ""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for folder in (*on_path, *sorted(pyenv.glob("versions/*/bin"))):
        for command in sorted(folder.glob("python*")):
            name = re.fullmatch(r"python(?:3(?:\.(\d+))?)?(?:\.exe)?", command.name)
            if name is not None and int(name[1] or OLDEST) >= OLDEST:
                yield str(command), f"3.{name[1]}" if name[1] else ""


def interpreters() -> tuple[dict[str, str], list[str]]:
    """The supported CPythons of this machine by version, and the versions of which no command works.

    A command works if it starts and can make virtual environments. A shim may stand for a version that is
    not installed.
    """
    asked = "import ensurepip, sys, venv; print(sys.implementation.name, *sys.version_info[:2])"
    found: dict[int, str] = {}
    named: set[str] = set()
    for command, version in dict.fromkeys(commands()):
        named |= {version} - {""}
        try:
            answer = subprocess.run(  # noqa: S603 - the commands are the own machine's interpreters
                [command, "-c", asked], capture_output=True, text=True, timeout=30, check=True
            ).stdout.split()
        except (OSError, subprocess.SubprocessError):
            continue
        if len(answer) == 3 and answer[:2] == ["cpython", "3"] and int(answer[2]) >= OLDEST:
            found.setdefault(int(answer[2]), command)
    working = {f"3.{minor}": found[minor] for minor in sorted(found)}
    return working, sorted(named - set(working))


def lowest_versions() -> dict[str, str]:
    """The lowest version that this project allows of each dependency, of its extras and of the selection."""
    extras: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"], *chain(*extras.values()), *group("selection")]
    lowest: dict[str, Version] = {}
    for requirement in map(Requirement, lines):
        bounds = [Version(bound.version) for bound in requirement.specifier if bound.operator == ">="]
        if requirement.name != PROJECT["project"]["name"]:
            lowest[requirement.name] = max(bounds, default=Version("0"))
    return {name: str(version) for name, version in sorted(lowest.items())}


def run_selection(session: nox.Session, command: str, name: str, extras: Iterable[str], *pins: str) -> None:
    """Runs the selection, or the tests that were named, against the wheel on one interpreter.

    All of them run in one process. The output is shown if one fails, because two Pythons run at a time.
    """
    wheel = built_wheel(session)
    target = Path(session.create_tmp()).resolve()
    home = target / name
    session.run(command, "-m", "venv", "--clear", str(home), external=True, silent=True)
    python = str(home / ("Scripts" if os.name == "nt" else "bin") / "python")
    needed = [
        f"segmind-swap[{','.join(extras)}] @ {wheel.as_uri()}",
        *group("test" if session.posargs else "selection"),
    ]
    pinned = target / f"{name}.txt"
    pinned.write_text("\n".join(pins))
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
    session.run(*pip, "--constraint", str(pinned), *needed, external=True, silent=True)
    options = ("--reruns=1", "-q", "-p", "no:cacheprovider")
    # Pip compiled nothing, so the first import does.
    env = {"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": ""}
    tests = session.posargs or SELECTION
    told = session.run(python, "-m", "pytest", *options, *tests, env=env, external=True, silent=True)
    session.log("%s: %s", name, str(told).rstrip().rpartition("\n")[2])


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the layout of the code."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Types, from inside (mypy) and as a user's editor sees them (pyright)."""
    install_wheel(session)
    session.install(*group("typing"), *group("docs"), "nox")
    session.run("mypy")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "segmind_swap")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, every warning an error."""
    install_wheel(session)
    session.install(*group("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-b", "html", "docs", "docs/_build/html")


def run_tests(session: nox.Session, *options: str) -> None:
    """Runs the tests against the installed wheel, on all processors."""
    install_wheel(session)
    session.install(*group("test"))
    # Thousands of tests, many with real processes: what fails on a busy machine is tried again, and named in
    # the summary; what is wrong fails again.
    again = ("--reruns=1", "-raR")
    # Safe path: the checkout's own folder must not come before the wheel.
    safe = {"PYTHONSAFEPATH": "1"}
    # More workers than processors: many tests wait for processes, sockets and a browser.
    workers = f"--numprocesses={max(4, os.cpu_count() or 1)}"
    session.run("pytest", workers, "--dist=worksteal", *again, *options, env=safe)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, against the installed wheel, on all processors; arguments go to pytest."""
    run_tests(session, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """The same tests, and which lines and branches they reach: takes more than twice as long."""
    run_tests(session, "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)


@nox.session
def pythons(session: nox.Session) -> None:
    """A fast selection of the tests, on every supported Python of this machine: at most three minutes."""
    built_wheel(session)
    extras = sorted(PROJECT["project"]["optional-dependencies"].keys() - PREVIEW)
    found, broken = interpreters()

    def passes(version: str) -> bool:
        try:
            run_selection(session, found[version], f"python{version}", extras)
        except nox.command.CommandFailed:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        failed = [
            version for version, passed in zip(found, pool.map(passes, found), strict=True) if not passed
        ]
    named = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if " :: 3." in line]
    missing = [version for version in named if version not in found]
    for what, versions in (("ran", [*found]), ("failed", failed), ("missing", missing), ("broken", broken)):
        session.log("%s: %s", what, ", ".join(versions) or "none")
    if failed:
        session.error("the selection did not pass on Python", *failed)
    if len(found) < 2 <= len(found) + len(broken):
        session.error("fewer than two Pythons ran, and there are more, which do not work:", *broken)


@nox.session
def lowest(session: nox.Session) -> None:
    """The same selection with the lowest versions that `pyproject.toml` allows, on the oldest Python here."""
    found, _ = interpreters()
    oldest, command = next(iter(found.items()))
    pins = [f"{name}=={version}" for name, version in lowest_versions().items()]
    session.log("Python %s with %s", oldest, ", ".join(pins))
    run_selection(session, command, "lowest", PROJECT["project"]["optional-dependencies"], *pins)


@nox.session
def photographs(session: nox.Session) -> None:
    """Previews of photographs, which stay below `.nox/photographs/tmp/pictures` to be looked at."""
    install_wheel(session)
    session.install(*group("test"), *group("photographs"))
    pictures = Path(session.create_tmp()).resolve() / "pictures"
    file = "tests/emulator/test_photographs.py"
    session.run("pytest", file, f"--basetemp={pictures}", *session.posargs, env={"PYTHONSAFEPATH": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """What the package costs, and which goals it reaches: nineteen minutes, or `--quick`; rows by name."""
    install_wheel(session)
    session.install(*group("bench"))
    session.run("python", "-m", "benchmarks", *session.posargs, env=BESIDE_THE_WHEEL)


@nox.session
def faults(session: nox.Session) -> None:
    """What faults cost, as a table; fails if anything was paid twice or lost (`--mechanisms`, `--help`)."""
    install_wheel(session)
    session.install("trio")
    session.run("python", "-m", "faults", *session.posargs, env=BESIDE_THE_WHEEL)


@nox.session
def soak(session: nox.Session) -> None:
    """Ten thousand swaps in trouble, killed four times, all accounted for (`--swaps 1000`)."""
    install_wheel(session)
    session.install("trio")
    session.run("python", "-m", "faults.soak", *session.posargs, env=BESIDE_THE_WHEEL)


@nox.session
def service(session: nox.Session) -> None:
    """200 users at the FastAPI guide's application, killed three times, all accounted for (`--users 20`)."""
    install_wheel(session)
    session.install(*group("test"))
    session.run("python", "-m", "visitors", *session.posargs, env=BESIDE_THE_WHEEL)


@nox.session
def flags(session: nox.Session) -> None:
    """How often the flags are right, on made results and on previews, and what they cost: fifteen minutes."""
    install_wheel(session)
    session.run("python", "-m", "flags", *session.posargs, env=BESIDE_THE_WHEEL)


@nox.session
def prints(session: nox.Session) -> None:
    """Each command, with its output broken in each way at each moment: ten minutes; the suite runs a part."""
    install_wheel(session)
    session.install(*group("test"))
    env = {"PRINT_GRID": "all", "PYTHONSAFEPATH": "1"}
    session.run("pytest", "tests/stories/test_print_grid.py", *session.posargs, env=env)


@nox.session
def mutation(session: nox.Session) -> None:
    """Whether the tests notice when a rule about money, waiting or trust is changed; takes an hour."""
    session.install(".[demo]", *group("mutation"))
    # The mutants must be found, and not the package as it is.
    session.run("python", "-m", "pip", "uninstall", "--yes", "--quiet", "segmind-swap")
    session.run("mutmut", "run", *session.posargs)
    session.run("mutmut", "results")
