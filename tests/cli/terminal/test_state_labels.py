"""The labels of the outcome states."""

import io

from rich.console import Console

from segmind_swap import OutcomeState
from segmind_swap.cli._terminal.state_labels import state_style, states_table


def test_every_state_has_a_style_and_an_explanation() -> None:
    for state in OutcomeState:
        assert state_style(state)
        console = Console(file=io.StringIO(), width=200)
        console.print(states_table({state: 1}))
        assert isinstance(console.file, io.StringIO)
        count, name, explanation = console.file.getvalue().split(maxsplit=2)
        assert (count, name) == ("1", state.value)
        assert len(explanation) > 10


def test_the_table_has_aligned_counts_and_only_states_with_a_count() -> None:
    table = states_table({OutcomeState.FAILED: 7, OutcomeState.SAVED: 1234, OutcomeState.PENDING: 0})
    saved, failed = table.splitlines()
    assert saved.startswith("  1,234  [green]saved     [/green]  done and paid")
    assert failed.startswith("      7  [red]failed    [/red]  ")
    assert states_table({}) == ""
