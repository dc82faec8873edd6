"""What was learned of the rate limit, as a text that outlives the process."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ValidationError

from ..._models import LearnedRate, Rate


class _Kept(BaseModel):
    """The text: a belief, when it was kept by the clock of the wall, and by whom.

    The times of the belief are ages, because the clock of an event loop means nothing to another process.
    """

    at: AwareDatetime
    key_tag: str
    rate: Rate


def write_learned(rate: Rate, *, at: datetime, key_tag: str) -> str:
    """The text of a belief.

    Args:
        rate: What is believed.
        at: Now, by the clock of the wall.
        key_tag: The tag of the API key; empty for unknown.
    """
    return _Kept(at=at, key_tag=key_tag, rate=rate).model_dump_json()


def read_learned(text: str, *, now: datetime, key_tag: str | None) -> LearnedRate | None:
    """The belief in a text. None if the text is damaged or foreign, or if the clock was put back since then.

    Args:
        text: The text. What a newer version has added to it is ignored.
        now: Now, by the clock of the wall.
        key_tag: The tag of the API key that will be used; None for unknown.
    """
    try:
        kept = _Kept.model_validate_json(text)
        age = (now - kept.at).total_seconds()
        is_same_key = kept.key_tag == key_tag if key_tag and kept.key_tag else None
        return LearnedRate(rate=kept.rate, age=age, is_same_key=is_same_key)
    except ValidationError:
        return None
