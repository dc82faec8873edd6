"""Nothing is paid again without the option, or the number of swaps typed on a terminal."""

import io
import sys

import pytest
import typer

from segmind_swap.cli._redo.consent import require_consent
from segmind_swap.cli._terminal.exit_codes import ExitCode


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_option_is_consent_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    require_consent(12, is_given=True)


def test_the_number_of_swaps_typed_on_a_terminal_is_consent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(" 12 \n"))
    require_consent(12, is_given=False)
    assert "type 12 to pay for 12 swaps again" in capsys.readouterr().err


@pytest.mark.parametrize(
    "stdin", [Terminal("yes\n"), Terminal("\n"), Terminal(""), io.StringIO("12\n"), None]
)
def test_everything_else_is_no_consent(stdin: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(typer.Exit) as caught:
        require_consent(12, is_given=False)
    assert caught.value.exit_code == ExitCode.USAGE
