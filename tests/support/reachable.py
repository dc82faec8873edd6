"""Everything that a crash reporter can reach from an object."""

from pydantic import SecretStr


def everything_in(thing: object) -> list[object]:
    """What can be reached from `thing` through attributes and containers, as a crash reporter walks."""
    seen: dict[int, object] = {}
    todo = [thing]
    while todo:
        thing = todo.pop()
        # Only who asks a SecretStr for its secret gets it; that is its purpose.
        if id(thing) in seen or isinstance(thing, SecretStr | type):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, dict):
            todo += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set | frozenset):
            todo += thing
        elif type(thing).__module__.startswith(("segmind_swap", "httpx")):
            todo += [getattr(thing, name) for name in getattr(type(thing), "__slots__", ())]
            todo += vars(thing).values() if hasattr(thing, "__dict__") else []
    return list(seen.values())
