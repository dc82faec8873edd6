"""The live display, on a terminal and without one."""

import pytest
from rich.text import Text

from segmind_swap.cli._terminal.live_display import LiveDisplay


def test_without_a_terminal_lines_are_printed_but_nothing_drawn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with LiveDisplay(lambda: Text("drawn"), transient=False) as display:
        display.print_unless_live("a [bold]\x1b[2J line")
        display.print_above(Text("a permanent line"))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "a [bold]␛[2J line\na permanent line\n")


def test_on_a_terminal_the_display_is_drawn_below_permanent_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with LiveDisplay(lambda: Text("drawn"), transient=False) as display:
        display.print_unless_live("never seen")
        display.print_above(Text("a permanent line"))
    err = capsys.readouterr().err
    assert "never seen" not in err
    assert err.rindex("drawn") > err.index("a permanent line")
