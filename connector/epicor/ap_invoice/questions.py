"""What Epicor asked, and what a person said to go on in spite of. Pure.

A question is known by its method and its wording. The wording of an answer for one bill is the
text itself; of one for every bill, the text without what differs from bill to bill.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.canonical_json import text as plain_text

_MESSAGE = re.compile(r"(?i)msg|message")  # opMessage, confirmMsg, cMessageText, DateMessage, …
_NUMBER = re.compile(r"\d+(?:[.,:/'’-]\d+)*")  # amounts, days and times are one number each
EPICOR = "Epicor"
BLANK = "#"  # stands for a number, the bill's own number, or its vendor

Mark = tuple[str, str, str]  # bill id ("" = every bill), method, wording


@dataclass(frozen=True, slots=True)
class About:
    """The bill that a question is about: what of a text is its own and not the question's."""

    bill_id: str
    invoice_num: str
    vendor_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """One text of Epicor, as it asked, and how it is recognised: for its bill, for every bill."""

    text: str
    exact: str
    folded: str

    @classmethod
    def of(cls, text: str, about: About) -> "Question":
        """The question in a text that is not blank."""
        kept = plain_text(text)  # as a database keeps it, so that it is recognised when read back
        return cls(" ".join(kept.split()), exact(kept), folded(kept, about))


@dataclass(frozen=True, slots=True)
class Accepted:
    """What people said to go on in spite of."""

    marks: frozenset[Mark] = frozenset()

    def covers(self, method: str, questions: Iterable[Question], bill_id: str) -> bool:
        """Whether each of them was accepted, for this bill or for every bill."""
        return all(
            mark_of(method, question, bill_id) in self.marks
            or mark_of(method, question, "") in self.marks
            for question in questions
        )


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """What a bill waits for: the questions of one call, and whether anybody can answer them.

    `system`: who asks; Epicor, or this program itself where the bill is hard to believe.
    """

    method: str
    questions: tuple[Question, ...]
    answerable: bool
    system: str = EPICOR

    def as_detail(self) -> dict[str, Any]:
        """As the detail of a hold keeps it, JSON-like."""
        return {
            "system": self.system,
            "method": self.method,
            "said": " ".join(question.text for question in self.questions),
            "questions": [
                {"text": one.text, "exact": one.exact, "folded": one.folded}
                for one in self.questions
            ],
            "answerable": self.answerable,
        }

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> "OpenQuestions | None":
        """Read back from a hold; None when it is about no question."""
        method, rows = detail.get("method"), detail.get("questions")
        if not isinstance(method, str) or not isinstance(rows, list):
            return None
        names = ("text", "exact", "folded")
        known = [row for row in rows if isinstance(row, Mapping) and all(n in row for n in names)]
        if len(known) != len(rows):
            return None
        questions = tuple(Question(*(str(row[name]) for name in names)) for row in known)
        answerable = detail.get("answerable") is True and bool(questions)
        return cls(method, questions, answerable, str(detail.get("system") or EPICOR))


def texts_of(parameters: Mapping[str, Any]) -> list[str]:
    """What Epicor says in the out parameters of an answer; blanks say nothing."""
    return [
        value.strip()
        for name, value in parameters.items()
        if isinstance(value, str) and _MESSAGE.search(name) and value.strip()
    ]


def exact(text: str) -> str:
    """The text but for spaces and capitals."""
    return " ".join(text.split()).casefold()


def folded(text: str, about: About) -> str:
    """The text without its numbers and without the number and the vendor of its bill."""
    plain = exact(text)
    for own in sorted({exact(about.invoice_num), exact(about.vendor_id)} - {""}, key=len)[::-1]:
        # Only whole words: a vendor "A" is not in every word with an a.
        plain = re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", BLANK, plain)
    return _NUMBER.sub(BLANK, plain)


def mark_of(method: str, question: Question, bill_id: str) -> Mark:
    """How an answer is remembered: for one bill, or for every bill ("")."""
    return bill_id, method, question.exact if bill_id else question.folded
