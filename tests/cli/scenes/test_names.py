"""When two names or paths are the same."""

from pathlib import Path

from segmind_swap.cli._scenes.names import composed, is_same


def test_a_name_is_the_same_in_either_normal_form() -> None:
    assert composed("cafe\u0301.png") == composed("caf\u00e9.png")


def test_paths_are_the_same_if_they_lead_to_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert is_same(tmp_path / "a", tmp_path / "link")
    assert not is_same(tmp_path / "a", tmp_path)
    assert not is_same(tmp_path / "a", tmp_path / "gone")
    assert not is_same(tmp_path / "a", None)
