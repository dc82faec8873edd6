"""A folder of scenes: what is no scene is passed over and said, and an id stays with its file."""

# ruff: noqa: RUF001 - Arabic letters are part of the subject

import os
import random
import shutil
import unicodedata
from pathlib import Path

import pytest

from segmind_swap import JournalError
from segmind_swap._api.ids import id_problem
from segmind_swap._journal.opening import Opening
from segmind_swap._journal.store import Store
from segmind_swap._outcome import OutcomeState as S
from segmind_swap._protocols.entry import NewEntry
from segmind_swap.cli._scenes.folder import SceneFolder, read_scenes

from ...support.journal_rows import a_job, a_result
from ...support.reviews import a_batch, a_new_version


@pytest.fixture
def hero(tmp_path: Path) -> Path:
    path = tmp_path / "hero.png"
    path.write_bytes(b"the reference")
    return path


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    return folder


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(f"the picture {name}".encode(errors="surrogateescape"))


def read(
    folder: Path,
    reference: str | Path = "https://x.example/hero.png",
    *,
    out: Path | None = None,
    recursive: bool = False,
) -> SceneFolder:
    journal = None if out is None else out / "journal.db"
    return read_scenes(folder, str(reference), out=out, journal=journal, recursive=recursive)


def ids(found: SceneFolder) -> dict[str, str]:
    return {path.name: id for id, path in found.scenes}


def passed(found: SceneFolder) -> list[str]:
    return [str(entry) for entry in found.passed_over]


def record(journal: Path, swaps: dict[str, tuple[Path, Path | None]]) -> None:
    """A journal with these swaps: the scene and the saved result of each id, or no file of the result."""
    store: Store = Opening(Path(journal)).begin_run(origin="https://x.example", workflow="w")
    with store.transaction():
        for id, (scene, path) in swaps.items():
            entry = store.take(NewEntry(id=id, fingerprint=id, reference="/hero.png", scene=str(scene)))
            store.step(entry.number, S.SENDING, billable_posts=1)
            store.step(entry.number, S.ACCEPTED, job=a_job())
            result = a_result().model_copy(update={"path": path})
            store.step(entry.number, S.COMPLETED, result=result)
            if path is not None:
                store.step(entry.number, S.SAVED, result=result)
    store.close()


def test_the_reference_is_left_out_under_any_name_and_as_a_copy(scenes: Path) -> None:
    put(scenes, "hero.png", "street.jpg")
    os.link(scenes / "hero.png", scenes / "linked.png")
    (scenes / "symbolic.png").symlink_to("hero.png")
    shutil.copy(scenes / "hero.png", scenes / "hero copy.png")
    (scenes / "other.png").write_bytes(b"the picture hero.pnG")
    for reference in ("hero.png", "linked.png", "symbolic.png"):
        found = read(scenes, scenes / reference)
        assert [*ids(found)] == ["other.png", "street.jpg"]
        reasons = {entry.name: entry.reason for entry in found.passed_over}
        assert reasons == {
            "hero.png": "the reference",
            "linked.png": "the reference",
            "symbolic.png": "the reference",
            "hero copy.png": "a copy of the reference",
        }
    assert "hero.png" in ids(read(scenes, scenes / "gone.png")), "the check tells that it is missing"


def test_what_is_no_scene_is_listed_pictures_first_and_what_the_system_makes_is_not(
    scenes: Path, hero: Path
) -> None:
    put(scenes, "a.JPG", "b.jpeg", "c.jfif", "d.JPE", "e.png", "f.WebP")
    put(scenes, "x.heic", "y.tif", "z.GIF", "notes.txt", "no suffix", ".hidden.png", "._a.jpg", ".DS_Store")
    put(
        scenes,
        "Thumbs.db",
        "desktop.ini",
        "report.html",
        "results.jsonl",
        "journal.db-wal",
        "journal.db.rescue.jsonl",
    )
    for folder in ("sub", "album.png", "out"):
        (scenes / folder).mkdir()
    (scenes / "broken.png").symlink_to("gone.png")
    (scenes / "loop.png").symlink_to("loop.png")
    (scenes / "to a scene.png").symlink_to("a.JPG")
    os.mkfifo(scenes / "pipe.png")
    found = read(scenes, hero, out=scenes / "out")
    assert [*ids(found)] == ["a.JPG", "b.jpeg", "c.jfif", "d.JPE", "e.png", "f.WebP", "to a scene.png"]
    assert passed(found) == [
        "x.heic",
        "y.tif",
        "z.GIF",
        "broken.png (a broken link)",
        "loop.png (a broken link)",
        "pipe.png (not a regular file)",
        "album.png/",
        "sub/",
        "no suffix",
        "notes.txt",
    ]


NAMES = [
    "خانه\u200cها.jpg",
    "क्\u200dष.jpg",
    "👨\u200d👩\u200d👧 trip.jpg",
    "🇩🇪.png",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.png",
    "1\ufe0f\u20e3.png",
    "ᠮᠣᠩ᠋.png",
    unicodedata.normalize("NFD", "café größe.png"),
    "Screenshot 2026-11-30 at 12.00.00\u202fPM.png",
    "hero.v2.png",
    "100%.png",
]
NEED_ANOTHER_ID = [
    "Screenshot 12:00:00.png",
    "photo .jpg",
    "街" * 62 + ".png",
    "👩\u200d🚀" * 20 + ".png",
    "con.png",
    "aux.old.jpg",
    " a.png",
    "a?.png",
    "a*.png",
    "a\nb.png",
    "a\u202eb.png",
    " .png",
    os.fsdecode(b"caf\xe9.png"),
    os.fsdecode(b"caf\xe8.png"),
    "a." + "x" * 200 + ".png",
]


def test_a_name_that_can_be_an_id_is_the_id_and_any_other_name_becomes_one(scenes: Path) -> None:
    put(scenes, *NAMES, *NEED_ANOTHER_ID)
    found = ids(read(scenes))
    assert len(found) == len(NAMES) + len(NEED_ANOTHER_ID)
    assert {name: found[name] for name in NAMES} == {name: Path(name).stem for name in NAMES}
    assert [name for name in NEED_ANOTHER_ID if found[name] == Path(name).stem] == []
    assert [id for id in found.values() if id_problem(id) is not None] == []
    assert len(set(found.values())) == len(found)
    assert found["Screenshot 12:00:00.png"] == "Screenshot 12_00_00-c60a8fac"
    assert read(scenes).twins == []


def test_an_id_depends_on_its_file_alone_whatever_comes_to_the_folder_or_leaves_it(scenes: Path) -> None:
    names = [*NAMES, *NEED_ANOTHER_ID, *(f"{n}.png" for n in range(20))]
    expected: dict[str, str] = {}
    generator = random.Random(13)
    for _ in range(12):
        shutil.rmtree(scenes)
        scenes.mkdir()
        put(scenes, *generator.sample(names, generator.randrange(1, len(names))))
        for name, id in ids(read(scenes)).items():
            assert expected.setdefault(name, id) == id


def test_files_with_one_stem_keep_the_ids_that_the_journal_has(scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    put(scenes, "a.png", "A.webp", "b.jpg")
    first = ids(read(scenes, out=out))
    assert first["b.jpg"] == "b"
    assert first["A.webp"] == "A"
    assert first["a.png"].startswith("a-")
    record(out / "journal.db", {id: (scenes / name, out / f"{id}.png") for name, id in first.items()})
    # Files that come before the known ones, in the order of the names.
    put(scenes, "A.jpg", "A.jpe", "b.JPG", "b.png")
    again = ids(read(scenes, out=out))
    assert {name: again[name] for name in first} == first
    assert len(set(again.values())) == 7
    (scenes / "A.webp").unlink()
    alone = ids(read(scenes, out=out))
    assert alone["a.png"] == first["a.png"]
    for name in ("A.jpg", "A.jpe"):
        (scenes / name).unlink()
    assert ids(read(scenes, out=out))["a.png"] == first["a.png"], "it would be paid again as 'a'"


def test_a_file_whose_suffix_was_changed_keeps_its_id(scenes: Path, tmp_path: Path) -> None:
    put(scenes, "a.jpg")
    (tmp_path / "out").mkdir()
    record(tmp_path / "out" / "journal.db", {"a": (scenes / "a.jpg", tmp_path / "out" / "a.png")})
    (scenes / "a.jpg").rename(scenes / "a.jpeg")
    assert ids(read(scenes, out=tmp_path / "out")) == {"a.jpeg": "a"}


def test_names_that_differ_in_their_normal_form_alone_get_ids_of_their_own_or_are_told(scenes: Path) -> None:
    put(scenes, "é.png", unicodedata.normalize("NFD", "é.png"))
    if len(list(scenes.iterdir())) == 1:
        pytest.skip("this file system takes both names for one")
    assert len(set(ids(read(scenes)).values())) == 2
    put(scenes, "é?.png", unicodedata.normalize("NFD", "é?.png"))
    ((one, other, id),) = read(scenes).twins
    assert unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other) == "é?.png"
    assert id.startswith("é_-")


def test_results_of_a_batch_that_saved_beside_its_scenes_are_no_scenes(scenes: Path, tmp_path: Path) -> None:
    put(scenes, "a.jpeg", "b.JPG", "c.jpe", "a.png", "b.png", "c.webp", "new.png")
    swaps: dict[str, tuple[Path, Path | None]] = {
        "a": (scenes / "a.jpeg", scenes / "a.png"),
        "b": (scenes / "b.JPG", scenes / "b.png"),
        # The run was killed between the picture and its record.
        "c": (scenes / "c.jpe", None),
    }
    record(scenes / "journal.db", swaps)
    expected = {"a.jpeg": "a", "b.JPG": "b", "c.jpe": "c", "new.png": "new"}
    assert ids(read(scenes, out=scenes)) == expected
    assert ids(read(scenes, out=tmp_path / "elsewhere")) == expected, "another batch of the same folder"
    assert "a.png (a result of an earlier run)" in passed(read(scenes, out=scenes))
    copied = shutil.copytree(scenes, tmp_path / "copied")
    assert ids(read(copied, out=copied)) == expected
    assert ids(read(copied, out=tmp_path / "elsewhere")) == expected
    moved = scenes.rename(tmp_path / "moved")
    assert ids(read(moved, out=moved)) == expected
    assert ids(read(moved, out=tmp_path / "elsewhere")) == expected


def test_results_of_another_folder_can_be_scenes_for_a_second_character(scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    put(out, "a.png", "b.png")
    record(out / "journal.db", {id: (scenes / f"{id}.jpg", out / f"{id}.png") for id in "ab"})
    assert ids(read(out, out=tmp_path / "second")) == {"a.png": "a", "b.png": "b"}


def test_a_journal_of_something_else_in_the_folder_changes_nothing(scenes: Path) -> None:
    put(scenes, "a.png", "journal.db")
    assert ids(read(scenes)) == {"a.png": "a"}


def test_no_result_becomes_a_scene_because_the_journal_in_the_folder_cannot_be_read(
    scenes: Path, tmp_path: Path
) -> None:
    put(scenes, "a.jpg", "a.png")
    record(scenes / "journal.db", {"a": (scenes / "a.jpg", scenes / "a.png")})
    with (scenes / "journal.db").open("r+b") as file:
        file.seek(100)
        file.write(b"damage" * 100)
    with pytest.raises(JournalError, match=r"journal\.db .*which files of this folder are results"):
        read(scenes, out=tmp_path / "elsewhere")


def below(found: SceneFolder, folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): id for id, path in found.scenes}


def test_folders_below_are_read_only_when_that_is_asked_for(scenes: Path, hero: Path) -> None:
    (scenes / "day1" / "morning").mkdir(parents=True)
    (scenes / ".hidden").mkdir()
    put(scenes, "a.png", "day1/a.png", "day1/b.jpg", "day1/morning/a.png", ".hidden/a.png", "day1/x.heic")
    found = read(scenes, hero)
    assert ids(found) == {"a.png": "a"}
    assert passed(found) == ["day1/"]
    found = read(scenes, hero, recursive=True)
    assert below(found, scenes) == {
        "a.png": "a",
        "day1/a.png": "day1__a",
        "day1/b.jpg": "day1__b",
        "day1/morning/a.png": "day1__morning__a",
    }
    assert passed(found) == ["day1/x.heic"]
    assert found.changed_ids == {}


def test_an_id_of_a_scene_below_depends_on_its_path_alone(scenes: Path) -> None:
    (scenes / "b:c").mkdir()
    (scenes / "a").mkdir()
    put(scenes, "b:c/1.png", "a/1.png")
    before = below(read(scenes, recursive=True), scenes)
    assert before["b:c/1.png"].startswith("b_c__1-")
    put(scenes, "1.png", "a/0.png", "b:c/1.jpg", "a__2.png")
    after = below(read(scenes, recursive=True), scenes)
    assert before.items() <= {**after, "b:c/1.png": before["b:c/1.png"]}.items()
    assert len(set(after.values())) == 6
    assert [id for id in after.values() if id_problem(id) is not None] == []


def test_two_paths_with_one_id_keep_the_ids_that_the_journal_has(scenes: Path, tmp_path: Path) -> None:
    (scenes / "a").mkdir()
    put(scenes, "a/1.png")
    out = tmp_path / "out"
    out.mkdir()
    record(out / "journal.db", {"a__1": (scenes / "a" / "1.png", out / "a__1.png")})
    put(scenes, "a__1.png")
    for folder in (scenes, tmp_path / "moved"):
        if not folder.exists():
            scenes.rename(folder)
        found = below(read(folder, out=out, recursive=True), folder)
        assert found["a/1.png"] == "a__1"
        assert found["a__1.png"].startswith("a__1-")


def test_links_in_a_circle_are_not_followed_and_said(scenes: Path) -> None:
    (scenes / "sub").mkdir()
    put(scenes, "sub/a.png")
    (scenes / "sub" / "up").symlink_to("..")
    (scenes / "again").symlink_to("sub")
    found = read(scenes, recursive=True)
    assert below(found, scenes) == {"sub/a.png": "sub__a"}
    assert passed(found) == ["again/ (a link)", "sub/up/ (a link)"]


def test_no_folder_of_results_below_is_read(scenes: Path) -> None:
    out, old, told, sent = (scenes / name for name in ("out", "old", "told", "sent"))
    small = scenes / "review-files"
    for folder in (out, old, told, sent, small, out / "versions", old / "versions", old / "discarded"):
        folder.mkdir()
    put(scenes, "a.jpg", "out/a.png", "out/versions/a.1.png", "old/b.png", "old/versions/b.1.png")
    put(scenes, "old/discarded/c.png", "old/new.png", "told/a.png", "told/results.jsonl")
    put(scenes, "review-files/a.jpg", "sent/a.png", "sent/manifest.csv", "sent/SHA256SUMS")
    record(old / "journal.db", {"b": (scenes / "a.jpg", old / "b.png")})
    found = read(scenes, out=out, recursive=True)
    assert below(found, scenes) == {"a.jpg": "a", "old/new.png": "old__new"}
    assert passed(found) == [
        "old/discarded/",
        "old/versions/",
        "sent/",
        "told/",
        "old/b.png (a result of an earlier run)",
    ]


def test_results_saved_beside_scenes_with_folders_below_are_never_paid(scenes: Path, tmp_path: Path) -> None:
    (scenes / "day1").mkdir()
    put(scenes, "a.jpg", "a.png", "day1/a.png", "day1__a.png", "b.jpg", "b.png")
    swaps: dict[str, tuple[Path, Path | None]] = {
        "a": (scenes / "a.jpg", scenes / "a.png"),
        "day1__a": (scenes / "day1" / "a.png", scenes / "day1__a.png"),
        # The run was killed between the picture and its record.
        "b": (scenes / "b.jpg", None),
    }
    record(scenes / "journal.db", swaps)
    expected = {"a.jpg": "a", "b.jpg": "b", "day1/a.png": "day1__a"}
    for folder in (scenes, tmp_path / "moved"):
        if not folder.exists():
            scenes.rename(folder)
        for out in (folder, tmp_path / "elsewhere"):
            assert below(read(folder, out=out, recursive=True), folder) == expected


def test_results_below_that_the_journal_of_this_run_knows_are_no_scenes_whatever_their_version(
    tmp_path: Path,
) -> None:
    """The results were saved into a folder among the scenes, and the journal lies elsewhere."""
    old = a_batch(tmp_path, "abd")
    a_new_version(old, "a", b"another picture of a")
    (old / "discarded").mkdir()
    (old / "b.png").rename(old / "discarded" / "b.1.png")
    put(old, "new.png", "versions/new.png", "versions/of.another.journal.12.jpg")
    out = tmp_path / "second"
    out.mkdir()
    for file in old.glob("journal.db*"):
        file.rename(out / file.name)
    found = read(tmp_path, tmp_path / "hero.png", out=out, recursive=True)
    assert sorted(below(found, tmp_path)) == [
        f"{old.name}/new.png",
        f"{old.name}/versions/new.png",
        *(f"scenes/{id}.png" for id in "abd"),
    ]


def test_a_result_beside_the_journal_of_this_run_is_no_scene_if_a_crash_came_before_its_record(
    scenes: Path, tmp_path: Path
) -> None:
    (scenes / "old").mkdir()
    put(scenes, "a.jpg", "old/a.png")
    journal = scenes / "old" / "journal.db"
    record(journal, {"a": (scenes / "a.jpg", None)})
    found = read_scenes(scenes, "https://x.example/h", out=tmp_path / "new", journal=journal, recursive=True)
    assert below(found, scenes) == {"a.jpg": "a"}


def test_a_marked_folder_of_results_below_is_not_read(scenes: Path) -> None:
    (scenes / "old").mkdir()
    put(scenes, "a.jpg", "old/a.png", "old/.segmind-swap")
    found = read(scenes, recursive=True)
    assert (below(found, scenes), passed(found)) == ({"a.jpg": "a"}, ["old/"])


def test_a_folder_below_that_cannot_be_read_is_passed_over(
    scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scenes / "closed").mkdir()
    put(scenes, "a.png")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = read(scenes, recursive=True)
    assert ids(found) == {"a.png": "a"}
    assert passed(found) == ["closed/ (Permission denied)"]
