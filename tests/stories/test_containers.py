"""The guide to containers: its compose file, run as processes, and what a container does not have."""

import os
import re
import shlex
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

import segmind_swap
from segmind_swap import Journal, OutcomeState

from ..support.container import PATIENCE, Container, is_boxed, stop
from ..support.served import until
from ..visitors.guide import write_application

pytestmark = pytest.mark.real_time

DOCS = Path(__file__).parents[2] / "docs"
GALLERY = Path(segmind_swap.__file__).parent / "gallery"
HERO, SCENES = GALLERY / "fox.webp", [GALLERY / "cafe.webp", GALLERY / "beach.webp"]
GUIDE = DOCS / "how-to" / "containers.md"


@dataclass
class Compose:
    """The compose file of the guide, on free ports."""

    services: dict[str, Any]
    ports: dict[str, int]

    def command(self, service: str) -> list[str]:
        return self._words(shlex.split(self.services[service]["command"]))

    def health_check(self, service: str) -> list[str]:
        kind, *words = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        return self._words(words)

    def environment(self, service: str, data: Path) -> dict[str, str]:
        given = self.services[service].get("environment", {})
        volumes = dict(volume.split(":") for volume in self.services[service].get("volumes", []))
        return {
            name: str(data) if value in volumes.values() else self._moved(value)
            for name, value in given.items()
        }

    def grace(self, service: str) -> float:
        """Seconds that `docker stop` waits; Docker's own default is 10."""
        return float(str(self.services[service].get("stop_grace_period", "10s")).removesuffix("s"))

    def _words(self, words: list[str]) -> list[str]:
        return [self._moved(word) for word in words]

    def _moved(self, text: str) -> str:
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        return text if is_boxed() else text.replace("//emulator:", "//127.0.0.1:")


def compose_file() -> dict[str, Any]:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that any user may enter, as pytest's own folders are not."""
    with TemporaryDirectory(prefix="segmind-swap-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def compose() -> Compose:
    with ExitStack() as taken:
        listeners = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        free = [listener.getsockname()[1] for listener in listeners]
    return Compose(compose_file()["services"], dict(zip(("8765", "8000"), free, strict=True)))


@contextmanager
def up(compose: Compose, service: str, container: Container) -> Iterator[Popen[str]]:
    """Runs a service until its health check succeeds, as often as the compose file lets the check fail."""
    env = compose.environment(service, container.data)
    has_temporary = "/tmp" in compose.services[service].get("tmpfs", [])
    command = compose.command(service)
    with container.process(command, has_temporary=has_temporary, **env) as process:
        check = compose.services[service]["healthcheck"]
        for _ in range(check["retries"]):
            time.sleep(float(check["interval"].removesuffix("s")))
            assert process.poll() is None, process.communicate()
            if container.run(*compose.health_check(service), **env).returncode == 0:
                break
        else:
            pytest.fail(f"{service} is not healthy")
        yield process


def test_the_compose_file_says_what_the_guide_promises() -> None:
    file = compose_file()
    for service in file["services"].values():
        assert (service["user"], service["read_only"]) == ("10001:10001", True)
    web = file["services"]["web"]
    assert web["depends_on"] == {"emulator": {"condition": "service_healthy"}}
    assert [volume.partition(":")[0] for volume in web["volumes"]] == list(file["volumes"])
    graceful = float(shlex.split(web["command"])[-1])
    assert Compose(file["services"], {}).grace("web") >= graceful + 20, "15 s for answers, 5 s to write"


class Visitors:
    """Browsers that order a swap each and follow its events, until the server cuts them off."""

    def __init__(self, site: str) -> None:
        self.ids = [str(uuid4()) for _ in range(4)]
        self.cut: list[str] = []
        self._following: list[str] = []
        self._site = site
        # The page sets the cookie that names the owner.
        self._cookies = [httpx.get(site).cookies for _ in self.ids]
        self._threads: list[threading.Thread] = []

    def come(self) -> None:
        for id, cookies in zip(self.ids, self._cookies, strict=True):
            files = {"reference": HERO.read_bytes(), "scene": SCENES[0].read_bytes()}
            url = f"{self._site}/swaps/{id}"
            assert httpx.put(url, files=files, cookies=cookies, timeout=PATIENCE).status_code == 202
            thread = threading.Thread(target=self._follow, args=(f"{url}/events", cookies))
            thread.start()
            self._threads.append(thread)
        until(lambda: len(self._following) == len(self.ids))

    def leave(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)

    def states(self) -> set[str]:
        pairs = zip(self.ids, self._cookies, strict=True)
        return {
            httpx.get(f"{self._site}/swaps/{id}", cookies=cookies).json()["state"] for id, cookies in pairs
        }

    def _follow(self, url: str, cookies: httpx.Cookies) -> None:
        with suppress(httpx.RemoteProtocolError):
            with httpx.stream("GET", url, cookies=cookies, timeout=PATIENCE) as answer:
                self._following.append(url)
                answer.read()
            return
        self.cut.append(url)


def test_the_services_of_the_guide_stop_in_time_and_lose_nothing_that_is_being_sent(
    place: Path, compose: Compose
) -> None:
    web = Container(place / "web", hosts=["emulator"])
    write_application(web.app)
    site, upstream = (f"http://127.0.0.1:{compose.ports[port]}" for port in ("8000", "8765"))

    def billed() -> int:
        return len(httpx.get(f"{upstream}/_emulator/ledger").json()["jobs"])

    with up(compose, "emulator", Container(place / "emulator")) as emulator:
        with up(compose, "web", web) as process:
            # Longer than the streams of events may take, and than Docker's own ten seconds with them.
            httpx.post(f"{upstream}/_emulator/faults", json={"rule": "submit:9s"}).raise_for_status()
            visitors = Visitors(site)
            visitors.come()
            until(lambda: billed() == len(visitors.ids))  # and none is answered yet
            seconds, err = stop(process)
            visitors.leave()
        assert 3 < seconds < compose.grace("web"), err
        assert len(visitors.cut) == len(visitors.ids)
        assert Journal(web.data / "swaps.db").summary().states == {OutcomeState.ACCEPTED: len(visitors.ids)}
        assert billed() == len(visitors.ids)
        with up(compose, "web", web) as process:
            until(lambda: visitors.states() == {"saved"})
            assert billed() == len(visitors.ids), "nothing is paid again"
            seconds, _ = stop(process)
            assert seconds < compose.grace("web")
        seconds, err = stop(emulator)
        assert (emulator.returncode, err) == (0, "")
        assert seconds < compose.grace("emulator")


# What a container does not have: the user in the list of users, a home, writable folders


PROGRAM = """
import asyncio
import sys

from segmind_swap import PollPolicy, SwapClient, SwapRequest


async def main() -> None:
    data = sys.argv[1]
    requests = [
        SwapRequest(id=scene, reference_character_image="hero.webp", character_image=f"scenes/{scene}.webp")
        for scene in ("cafe", "beach")
    ]
    async with SwapClient(polling=PollPolicy(interval=0.1)) as client:
        async with client.swap_many(
            requests, journal=f"{data}/journal.db", save_to=f"{data}/pictures"
        ) as outcomes:
            print(*sorted([str(outcome.state) async for outcome in outcomes]))


asyncio.run(main())
"""


@pytest.fixture
def box(place: Path) -> Container:
    container = Container(place / "box", hosts=["emulator"])
    (container.app / "scenes").mkdir()
    shutil.copy(HERO, container.app / "hero.webp")
    for scene in SCENES:
        shutil.copy(scene, container.app / "scenes")
    (container.app / "program.py").write_text(PROGRAM)
    return container


@pytest.fixture
def service(compose: Compose, place: Path) -> Iterator[dict[str, str]]:
    """The emulator of the guide, made quicker, and the environment variables of its application."""
    emulator = compose.services["emulator"]
    emulator["command"] = emulator["command"].replace("--speed 20", "--speed 1000")
    with up(compose, "emulator", Container(place / "emulator")):
        env = compose.environment("web", place)
        yield {name: value for name, value in env.items() if name.startswith("SEGMIND_")}


def jobs(service: dict[str, str]) -> int:
    """How many jobs the emulator has billed."""
    url = service["SEGMIND_BASE_URL"].replace("//emulator", "//127.0.0.1")
    return len(httpx.get(f"{url}/_emulator/ledger").json()["jobs"])


def test_every_kind_of_program_works_for_a_user_without_name_and_home_where_nothing_else_is_written(
    box: Container, service: dict[str, str]
) -> None:
    pair = ("--reference", "hero.webp", "--scene", "scenes/cafe.webp")
    batch = ("segmind-swap", "batch", "scenes", "--reference", "hero.webp", "--poll-interval", "0.1")
    commands = [
        ("segmind-swap", "credits"),
        ("segmind-swap", "swap", *pair, "--out", f"{box.data}/swap.png"),
        (*batch, "--out", f"{box.data}/batch"),
        (*batch, "--out", f"{box.data}/free", "--emulator", "--engine", "sheet"),
        ("segmind-swap", "status", f"{box.data}/batch"),
        ("python", "program.py", str(box.data)),
    ]
    printed = ""
    for command in commands:
        done = box.run(*command, **service)
        assert done.returncode == 0, (command, done.stderr)
        # A warning of a library about a folder that it cannot use would be here.
        told = [
            line
            for line in done.stderr.splitlines()
            if not re.match(r" *(\d|the job is|segmind-swap w)", line)
        ]
        assert [line for line in told if "in clear text" not in line] == [], command
        printed = done.stdout
    assert printed == "saved saved\n"
    assert jobs(service) == 1 + len(SCENES) + len(SCENES)
    assert {path.name for path in box.data.iterdir()} == {
        "swap.png",
        "batch",
        "free",
        "journal.db",
        "journal.db.lock",
        "pictures",
    }


@pytest.mark.skipif(not is_boxed() and os.geteuid() == 0, reason="root may write everywhere")
def test_where_nothing_can_be_written_a_command_says_so_before_anything_is_paid(
    box: Container, service: dict[str, str]
) -> None:
    swap = ("swap", "--reference", "hero.webp", "--scene", "scenes/cafe.webp", "--out", "out.png")
    batch = ("batch", "scenes", "--reference", "hero.webp", "--out", "out")
    for arguments, path in ((swap, "out.png"), (batch, "out")):
        done = box.run("segmind-swap", *arguments, **service)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert path in done.stderr
        assert "read-only" in done.stderr.lower() or "permission denied" in done.stderr.lower()
        assert "Traceback" not in done.stderr
    assert jobs(service) == 0
