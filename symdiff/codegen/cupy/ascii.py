"""Names and formulas in ASCII: NVIDIA's run-time compiler takes nothing else."""

from __future__ import annotations

import re
import unicodedata

_LETTER = re.compile(
    r"(?:\w+ )+?(?P<case>SMALL |CAPITAL )?LETTER (?P<name>[A-Z]+(?: [A-Z]+)??)(?: WITH (?P<sign>\w+))?"
)
_ACCENTS = {  # the words of Unicode -> those of LaTeX
    "CIRCUMFLEX": "hat", "MACRON": "bar", "OVERLINE": "bar", "DIAERESIS": "ddot", "CARON": "check", "RING": "ring",
}  # fmt: skip


def ascii_of(text: str) -> str:
    """A text in ASCII: Greek letters and the like spelled out, accents behind their letter, others by number."""
    if text.isascii():
        return text
    text = text.replace("∘**", ".**").replace("∘", ".*")  # of formulas: powers and products of entries
    return "".join(map(_spelled, unicodedata.normalize("NFKD", text)))


def _spelled(c: str) -> str:
    if c.isascii():
        return c
    name = unicodedata.name(c, "")
    if found := _LETTER.fullmatch(name):
        word = "_".join(part for part in (found["name"].replace(" ", "_"), found["sign"]) if part).lower()
        return word.capitalize() if found["case"] == "CAPITAL " else word
    if name.startswith("COMBINING "):
        word = name.split()[1]
        return f"_{_ACCENTS.get(word, word.lower())}"
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    return f"u{ord(c):x}"
