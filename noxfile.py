"""Everything that is checked, and nothing else is the way to check it: `nox -s tests`, `nox -s lint`, …"""

from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "typing", "docs", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")

# The tests' own packages, and not the checkout's `segmind_swap`, which would come before the wheel.
BESIDE_THE_WHEEL = {"PYTHONPATH": str(Path("tests").resolve()), "PYTHONSAFEPATH": "1"}


def group(name: str) -> list[str]:
    """The packages of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


def install_wheel(session: nox.Session) -> None:
    """Builds the wheel and installs that, with every extra: what is tested is what users get."""
    session.install("build")
    target = Path(session.create_tmp()).resolve()
    for old in target.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "build", "--wheel", "--outdir", str(target), silent=True)
    (wheel,) = target.glob("*.whl")
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.install(f"segmind-swap[demo] @ {wheel.as_uri()}")


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


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, against the installed wheel, on all processors; arguments go to pytest."""
    install_wheel(session)
    session.install(*group("test"))
    coverage = () if session.posargs else ("--cov", "--cov-report=term-missing:skip-covered")
    # Safe path: the checkout's own folder must not come before the wheel.
    safe = {"PYTHONSAFEPATH": "1"}
    # Thousands of tests, many with real processes: what fails on a busy machine is tried again, and told;
    # what is wrong fails again.
    again = ("--reruns=1",)
    session.run(
        "pytest", "--numprocesses=auto", "--dist=worksteal", *again, *coverage, *session.posargs, env=safe
    )


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
    """What the package costs, and which goals it reaches: twelve minutes, or `--quick`; rows by name."""
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
def mutation(session: nox.Session) -> None:
    """Whether the tests notice when a rule about money, waiting or trust is changed; takes an hour."""
    session.install(".[demo]", *group("mutation"))
    # The mutants must be found, and not the package as it is.
    session.run("python", "-m", "pip", "uninstall", "--yes", "--quiet", "segmind-swap")
    session.run("mutmut", "run", *session.posargs)
    session.run("mutmut", "results")
