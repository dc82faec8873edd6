"""200 users at the guide's application, killed three times: `nox -s service`. 1 if not all is well."""

import argparse
import sys
import tempfile
from pathlib import Path

from .proof import Plan, prove


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="nox -s service --", description=__doc__)
    parser.add_argument("--users", type=int, default=200, help="who upload at the same time")
    parser.add_argument("--tabs", type=int, default=5, help="streams of events that each user reads")
    parser.add_argument("--job", type=float, default=10.0, help="seconds of a job")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two polls of a job")
    options = parser.parse_args()
    plan = Plan(
        users=options.users,
        tabs=options.tabs,
        kills=(0.1, 0.5),
        holder_kills=(0.8,),
        job_seconds=options.job,
        interval=options.interval,
        submit_delay=0.1,
    )
    with tempfile.TemporaryDirectory() as folder:
        proof = prove(plan, Path(folder))
    print("\n".join(f"{what:76} {found}" for what, found in proof.rows))
    print("\n".join(f"RED: {complaint}" for complaint in proof.complaints) or "all as it must be")
    return 1 if proof.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
