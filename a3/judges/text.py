"""Reading an answer: plain text, the ways to write a name, and where one is asserted or denied."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NOT_BEFORE = re.compile(
    r"(?:\bnot|n't|\bnever|\bcannot|\brather than|\binstead of|\bno,? it(?:'s| is) not)"
    r"(?:\s+(?:actually|really|a|an|the|in|by|called|just|quite|to|be|is|was|its?|capital|of)){0,3}"
    r"\s*[\"'“(]?\s*$"
)
_NOT_AFTER = re.compile(
    r"^[\"'”)]?\s*,?\s*(?:is|are|was|were|do|does|did|has|can)\s*(?:not\b|n't)"
    r"|^[\"'”)]?\s*,?\s*(?:isn't|aren't|wasn't|weren't|doesn't)\b"
    r"|^[\"'”)]?\s*,?\s*(?:is|was)\s+(?:incorrect|wrong|false|mistaken)\b"
)
_SAID_OF = re.compile(
    r"\b(?:is|are|was|were|called|named|by|to|in|on|indeed|answer|=)"
    r"(?:\s+(?:actually|indeed|probably|the|an?|(?:type|kind|form|species) of)){0,3}"
    r"\s*[:\"'“(]?\s*$"
)
_FINAL = re.compile(r"(?:\banswer(?: to [^.\n]*)? is:?|=)\s*(?:\([a-d]\)\s*)?\$?(\d+(?:\.\d+)?)")
_INITIALS = re.compile(r"\b([a-z])\.\s*(?=[a-z])")
_OPTION = re.compile(r"\(([A-D])\)\s*([^\n(]+)")
_LETTER = re.compile(r"\(([a-d])\)|\b(?:answer|option|choice)(?: is)?:? ([a-d])\b")

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
)
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {
    **{str(i): word for i, word in enumerate(_SMALL)},
    **{str(10 * i): word for i, word in enumerate(_TENS, start=3)},
}
_NUMBERS = _WORDS | {word: digits for digits, word in _WORDS.items()}
_COMPOUND = re.compile(rf"\b(twenty|{'|'.join(_TENS)})[- ]({'|'.join(_SMALL[1:10])})\b")


@dataclass(frozen=True)
class Mention:
    """One place at which a name stands."""

    at: int
    denied: bool
    """"not X", "X is wrong"."""
    predicated: bool
    """It is said of something: "is X", "by X", "called X"."""


def normalise(text: str) -> str:
    """Lower case, accents folded, quotes plain; "J. R. R. Tolkien" closed up, "twenty-two" 22."""
    folded = unicodedata.normalize("NFKD", text.replace("’", "'").replace("‘", "'"))
    plain = "".join(c for c in folded if not unicodedata.combining(c)).lower()
    plain = _COMPOUND.sub(lambda m: str(int(_NUMBERS[m[1]]) + int(_NUMBERS[m[2]])), plain)
    return _INITIALS.sub(r"\1.", plain)


def spellings(names: Iterable[str]) -> set[str]:
    """Normalised names and the other ways to write them.

    Numbers as words, plurals of single words, and the surname alone where the rest are initials.
    """
    found: set[str] = set()
    for name in filter(None, map(normalise, names)):
        found.add(name)
        found |= {_NUMBERS[name]} if name in _NUMBERS else set[str]()
        if re.fullmatch(r"[a-z]{3,}", name) and name not in _NUMBERS:
            found.add(f"{name}s")
        if surname := re.fullmatch(r"(?:[a-z]\.)+([a-z]{3,})", name):
            found.add(surname[1])
        found.add(re.sub(r"^(?:the|a|an) ", "", name))
    return found


def mentions(text: str, names: Iterable[str]) -> list[Mention]:
    """Where any of the names stands in normalised text, as whole words."""
    spans: list[tuple[int, int]] = []
    for name in sorted(spellings(names), key=len, reverse=True):
        # Letters may be glued to the dots of initials, never to the name itself.
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            at, end = match.span()
            # "Orwell" inside a "George Orwell" already found is no mention of its own.
            if not any(start <= at < stop for start, stop in spans):
                spans.append((at, end))
    return [_mention(text, at, end) for at, end in sorted(spans)]


def _mention(text: str, at: int, end: int) -> Mention:
    before, after = text[max(0, at - 60) : at], text[end : end + 30]
    return Mention(
        at=at,
        denied=bool(_NOT_BEFORE.search(before) or _NOT_AFTER.search(after)),
        predicated=bool(_SAID_OF.search(before)),
    )


def asserted(found: Sequence[Mention]) -> bool:
    """Whether they stand for the name: the last is no denial, or one says it of something."""
    return bool(found) and (
        not found[-1].denied or any(m.predicated and not m.denied for m in found)
    )


def final_number(text: str) -> str | None:
    """The number that a calculation ends with: the last "the answer is N" or "= N"."""
    found = _FINAL.findall(text)
    return found[-1] if found else None


def is_number(name: str) -> bool:
    """Whether a name is a number, in digits or as a word."""
    return normalise(name) in _NUMBERS or bool(re.fullmatch(r"\d+", name))


def chosen_option(text: str, question: str) -> str | None:
    """What a bare letter in the answer stands for, where the question offers (A), (B), ..."""
    options: dict[str, str] = {}
    for letter, option in _OPTION.findall(question):
        options.setdefault(letter.lower(), option.strip())  # A hint may name a letter again.
    letters = {a or b for a, b in _LETTER.findall(text)}
    return options.get(letters.pop()) if len(letters) == 1 else None
