"""What no answer should be: looping, word salad, or in a language that nobody used."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_FUNCTION_WORDS = {
    "English": "the of a an and to in is are was were be been it its it's this that as for with on "
    "by at from or but not you your i i'm my me we our they their he his she her has have had "
    "can there which who what so if no yes",
    "Spanish": "el la los las un una de del que y en es son por para con su se lo al como más está "
    "no muy pero",
    "French": "le la les un une des de du que et en est sont pour par avec son sa ses se dans qui "
    "ne pas au aux ce cette je vous nous il elle mais",
    "German": "der die das den dem des ein eine einen und in ist sind von zu mit auf für nicht ich "
    "sie es im auch als an",
    "Italian": "il lo la gli le un una di del della che e in è sono per con si non da al",
    "Portuguese": "o a os as um uma de do da que e em é são para com se não por no na",
}
_BY_LANGUAGE = {name: frozenset(words.split()) for name, words in _FUNCTION_WORDS.items()}
_ANY = frozenset[str]().union(*_BY_LANGUAGE.values())

SALAD_WORDS, SALAD_SHARE = 15, 0.16
"""At least so many words, at most this share of which are function words of any language."""
LANGUAGE_WORDS = 4
"""Function words that it takes to say which language a text is in."""


def loops(text: str) -> bool:
    """Whether the text repeats itself: one word 6 times, 2 or 3 words 4 times, more 3 times."""
    if re.search(r"(\w{1,3})\1{7,}", text):
        return True
    words = re.findall(r"\w+", text)
    for size in range(1, 25):
        needed = 6 if size == 1 else 4 if size <= 3 else 3
        run = 0
        for index in range(size, len(words)):
            run = run + 1 if words[index] == words[index - size] else 0
            if run >= size * (needed - 1):
                return True
    return False


def word_salad(text: str) -> bool:
    """Whether hardly any word is one of those that hold sentences together."""
    words = _words(text)
    return len(words) >= SALAD_WORDS and sum(w in _ANY for w in words) < SALAD_SHARE * len(words)


def wrong_language(text: str, conversation: str) -> bool:
    """Whether the answer's language is one that neither question nor frame used."""
    if _foreign_script(text) and not _foreign_script(conversation):
        return True
    counts = languages(text)
    if not counts or counts.most_common(1)[0][1] < LANGUAGE_WORDS:
        return False
    # Languages share words ("de", "la"): those that the conversation speaks get the benefit.
    best, spoken = max(counts.values()), languages(conversation)
    return bool(spoken) and all(counts[name] < best for name in spoken)


def languages(text: str) -> Counter[str]:
    """Function words of each language in a text."""
    words = _words(text)
    found = {name: sum(w in known for w in words) for name, known in _BY_LANGUAGE.items()}
    return Counter({name: n for name, n in found.items() if n})


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower())


def _foreign_script(text: str) -> bool:
    """Whether a third of the letters are not Latin ones."""
    letters = [c for c in text if c.isalpha()]
    foreign = sum(not unicodedata.name(c, "").startswith("LATIN") for c in letters)
    return foreign > len(letters) / 3
