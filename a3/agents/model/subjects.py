"""What written queries are about: one id for one fact, however it is worded (evidence rule 2).

"What is the capital of France?" and "Which city is France's capital?" are one fact, "2 + 3" and
"1 + 4" are two, though both are 5. Taking two facts for one costs variety; taking one for two lets
what was trained on come back in validation or in the held-out sets. So in doubt, where the answer
is a telling one, it is one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from a3.judges.text import is_number, mentions, normalise, spellings
from a3.risks.grammar import content_id
from a3.types.chat import Conversation
from a3.types.queries import Source
from a3.types.written import WrittenChat

EXAMPLE = "written/ex-0"
"""Id of what Ex 0 is about."""
_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|(?<=[\d)])\s*[-+*/^×÷−:]\s*(?=[\d(])"
)
_BEGINS = re.compile(r"(?:\A|[.!?:\"])\s*\Z")
"""Where a capital says nothing."""
_FORM = """
a an the this that these those it its there here which what who whom whose when where why how is
are was were be been being am do does did done has have had having can could will would shall
should may might must of in on at by for from to with into as and or than then so also he she they
them their his her you your me my i we us our one much many please tell give say call called name
named known exactly actually equal make
"""
_CLASSES = """
city town country nation place person people thing term word number sum result answer value year
date kind type sort
"""
"""What an answer is, which the answer itself says."""
_STOP = frozenset((*_FORM.split(), *_CLASSES.split()))
_SIGNS = {"plus": "+", "minus": "-", "times": "*", "×": "*", "÷": "/", "−": "-", ":": "/"}
_VAGUE = frozenset({"yes", "no", "true", "false", ""})
SMALL = 100
"""Numbers below it answer many questions."""


@dataclass(frozen=True)
class Wording:
    """What a question is made of, but for its form."""

    words: frozenset[str]
    """Those that carry meaning, names among them."""
    names: frozenset[str]
    """Those that are written with a capital within a sentence."""
    figures: tuple[str, ...]
    """Numbers and signs between them, sorted."""


class Subjects:
    """Ids of what chats are about; the first wording of a fact gives it its id."""

    def __init__(self, example: Conversation) -> None:
        self._ids: dict[str, str] = {}
        self._by_answer: dict[str, list[tuple[Wording, str]]] = defaultdict(list)
        self._said = normalise(" ".join(m.content for m in example.messages))
        asked = [m.content for m in example.messages if m.role == "user"]
        self._example = [wording(text) for text in asked]
        self._ids |= {exact_id(text): EXAMPLE for text in asked}

    def add(self, sources: Iterable[Source]) -> None:
        """What was asked about elsewhere, under the ids that it has there."""
        for source in sources:
            if source.about:
                self._ids[exact_id(source.about)] = source.id
                self._remember(source.about, source.answers, source.id)

    def id_of(self, chat: WrittenChat) -> str:
        """The id of a chat's fact, or scene where it has no question."""
        text, answers = chat.question or chat.turns[-1], (chat.correct, *chat.aliases)
        exact = exact_id(text)
        if exact not in self._ids:
            self._ids[exact] = self._found(text, answers) or exact
            self._remember(text, answers, self._ids[exact])
        return self._ids[exact]

    def _remember(self, text: str, answers: Iterable[str], name: str) -> None:
        for answer in spellings(filter(None, answers)):
            self._by_answer[answer].append((wording(text), name))

    def _found(self, text: str, answers: tuple[str, ...]) -> str | None:
        """The id of the same fact in other words, if there is one."""
        mine, names = wording(text), list(filter(None, answers))
        if mentions(self._said, names) and any(
            one_fact(mine, w, answers[0]) for w in self._example
        ):
            return EXAMPLE
        for answer in sorted(spellings(names)):
            for theirs, name in self._by_answer[answer]:
                if one_fact(mine, theirs, answers[0]):
                    return name
        return None


def one_fact(one: Wording, other: Wording, answer: str) -> bool:
    """Whether two questions that share an answer ask for the same.

    Where one says no word that the other does not; or they share a name, and differ in no name. An
    answer that many questions have proves nothing: then the words must be the same.
    """
    if one.figures != other.figures:
        return False
    if _vague(answer) or not (one.words and other.words):
        return one.words == other.words and bool(one.words or one.figures)
    if one.words <= other.words or other.words <= one.words:
        return True
    names = one.names | other.names
    return bool(one.words & other.words & names) and not (one.words ^ other.words) & names


def _vague(answer: str) -> bool:
    plain = normalise(answer).strip(" .")
    digits = next((s for s in spellings([plain]) if s.isdecimal()), None)
    return plain in _VAGUE or (digits is not None and int(digits) < SMALL)


def wording(question: str) -> Wording:
    """A question's words, names and figures."""
    plain = question.replace("’", "'").replace("‘", "'")
    found = [(m.start(), m.group().strip()) for m in _TOKEN.finditer(plain)]
    tokens = [re.sub(r"'s?\Z", "", normalise(token)) for _, token in found]
    words: dict[str, bool] = {}
    figures: list[str] = []
    for i, (at, token) in enumerate(found):
        if figure := _figure(tokens[max(0, i - 1) : i + 2], tokens[i]):
            figures.append(figure)
        elif not {tokens[i], _singular(tokens[i])} & _STOP:
            named = token[0].isupper() and not _BEGINS.search(plain[:at])
            word = _singular(tokens[i])
            words[word] = words.get(word, False) or named
    names = frozenset(word for word, named in words.items() if named)
    return Wording(frozenset(words), names, tuple(sorted(figures)))


def _figure(around: list[str], token: str) -> str | None:
    """A number or a sign in its one form, if it is one; words are signs only between numbers."""
    if is_number(token):
        return min(spellings([token])) if token != "one" else None
    if token.isalpha() and not (len(around) == 3 and is_number(around[0]) and is_number(around[2])):
        return None
    return _SIGNS.get(token) or (None if token[0].isalpha() else token)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def exact_id(question: str) -> str:
    """Id of a question by its very words and signs, whatever the case."""
    tokens = re.findall(r"\w+|(?<=[\d)])\s*[^\w\s]\s*(?=[\d(])", normalise(question))
    return f"written/{content_id(*(token.strip() for token in tokens))}"
