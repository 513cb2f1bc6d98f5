"""From a model's names to Python identifiers: the only way a name from a model reaches generated source."""

from __future__ import annotations

import keyword
import re
import unicodedata

from symdiff.errors import ModelError

# A field of a NamedTuple may not be called like one of its methods.
_METHODS = frozenset(("count", "index"))


def identifier(name: str) -> str:
    """The identifier for a model's name.

    NFKC-normalised; anything that is not an identifier character becomes ``_``; leading underscores go; a leading digit
    gets ``n`` before it; keywords and the methods of a tuple get a trailing ``_``.
    """
    check_characters(name)
    text = unicodedata.normalize("NFKC", name)
    text = "".join(character if ("a" + character).isidentifier() else "_" for character in text)
    text = unicodedata.normalize("NFKC", text).lstrip("_")
    if not text:
        return "unnamed"
    if not text.isidentifier():
        text = "n" + text
    if keyword.iskeyword(text) or text in _METHODS:
        text += "_"
    return text


def check_characters(name: str) -> None:
    """Refuse a name that no file can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ModelError(
            f"The name {name!a} holds a lone surrogate, half of a character, which no file can hold: rename it."
        ) from None


def identifiers(names: list[str], what: str = "names") -> dict[str, str]:
    """The identifier for each name; raise `ModelError` naming both where two fall together."""
    found: dict[str, str] = {}
    owner: dict[str, str] = {}
    for name in names:
        text = identifier(name)
        if text in owner and owner[text] != name:
            raise ModelError(
                f"The {what} {owner[text]!r} and {name!r} would both be called {text!r} in generated source: rename one."
            )
        owner[text] = name
        found[name] = text
    return found


def unique(wanted: str, taken: set[str]) -> str:
    """`wanted`, or `wanted` with the first free number behind it; the result is added to `taken`."""
    name, count = wanted, 2
    while name in taken or keyword.iskeyword(name):
        separator = "_" if re.search(r"\d$", wanted) else ""
        name = f"{wanted}{separator}{count}"
        count += 1
    taken.add(name)
    return name
