"""The FastAPI guide's application in processes that are killed: a small part of `nox -s service`."""

import sys
from pathlib import Path

import pytest

from .proof import Plan, prove
from .visitor import picture

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the kernel tells here who has the lock"),
]


def test_twenty_users_of_a_killed_application_get_a_picture_or_unknown_and_pay_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(
        users=20,
        tabs=3,
        kills=(0.5,),
        holder_kills=(0.2,),
        job_seconds=1.0,
        interval=0.4,
        submit_delay=0.05,
    )
    proof = prove(plan, tmp_path)
    with capsys.disabled():
        print("", *(f"{what:76} {found}" for what, found in proof.rows), sep="\n", file=sys.stderr)
    assert proof.complaints == []


def test_each_picture_of_a_visitor_is_one_of_its_own() -> None:
    assert len({picture(f"visitor {number}") for number in range(200)}) == 200
