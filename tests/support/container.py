"""A process as a container runs it: another user, no home, read-only files, and `docker stop`."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PATIENCE = 300.0
"""Seconds after which something hangs, however busy the machine is."""

USER = 10001
"""A number that no user of the machine has."""

# What is mounted below `/proc`, `/sys` and `/dev` is not the container's. The user may read the interpreter,
# wherever it is installed, and may write what belongs to the user only.
_BOX = f"""
for folder in $WRITABLE; do mount --bind "$folder" "$folder"; done
[ -z "$HOSTS" ] || mount --bind "$HOSTS" /etc/hosts
while read -r _ place _; do
  case "$place" in /proc*|/sys*|/dev*) continue;; esac
  case " $WRITABLE " in *" $place "*) continue;; esac
  mount -o remount,ro,bind "$place" 2>/dev/null
done </proc/mounts
unset WRITABLE HOSTS PWD OLDPWD
exec setpriv --reuid {USER} --regid {USER} --clear-groups \
  --inh-caps=+dac_read_search --ambient-caps=+dac_read_search "$@"
"""


@cache
def is_boxed() -> bool:
    """Whether this machine lets the tests make files read-only and run as another user, as root may."""
    if sys.platform != "linux" or os.getuid() != 0 or not shutil.which("setpriv"):
        return False
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", _BOX, "sh", "true"]
    return subprocess.run(command, env={"PATH": os.environ["PATH"]}, check=False).returncode == 0


class Container:
    """A folder with the application's files, which is the working directory, and what can be written.

    Any user must be allowed to enter the folders above it. Where the tests are not allowed to change users, a
    process runs as their own user, and only its working directory cannot be written.
    """

    def __init__(self, folder: Path, *, hosts: Sequence[str] = ()) -> None:
        self.app, self.data, self.temporary = folder / "app", folder / "data", folder / "tmp"
        for path in (self.app, self.data, self.temporary):
            path.mkdir(parents=True)
        for path in (self.data, self.temporary):
            path.chmod(0o700)
            if is_boxed():
                os.chown(path, USER, USER)
        self._hosts = folder / "hosts"
        self._hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *hosts)))

    @contextmanager
    def process(
        self, command: Sequence[str], *, has_temporary: bool = False, **env: str
    ) -> Iterator[subprocess.Popen[str]]:
        """A process that is killed at the end of the block. Its environment has no HOME."""
        writable = [self.data, *([self.temporary] if has_temporary else [])]
        given = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **env}
        if has_temporary:
            given["TMPDIR"] = str(self.temporary)
        words = list(command)
        if is_boxed():
            words = ["unshare", "-m", "--propagation", "private", "sh", "-c", _BOX, "sh", *words]
            given |= {"WRITABLE": " ".join(map(str, writable)), "HOSTS": str(self._hosts)}
        self.app.chmod(0o555)
        out = subprocess.PIPE
        with subprocess.Popen(words, cwd=self.app, env=given, stdout=out, stderr=out, text=True) as process:
            try:
                yield process
            finally:
                process.kill()
                self.app.chmod(0o755)

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        with self.process(command, has_temporary=False, **env) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def stop(process: subprocess.Popen[str]) -> tuple[float, str]:
    """Stops a process as `docker stop` does. Returns how many seconds it took, and the standard error."""
    began = time.monotonic()
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE)
    return time.monotonic() - began, err
