"""When do requests reach an endpoint, and how do they end? One endpoint of one proxy, request by request.

Nothing is done request by request where nothing comes of it: requests are
numbered, and what is asked is the number of the next one of which something comes.
"""

from bisect import bisect_left
from math import ceil, floor, inf, log, log1p
from random import Random
from typing import Final

from meshtier.simulate.answer import Answer
from meshtier.simulate.world import Answers

_NANOSECOND: Final = 1e-9


class Clock:
    """When the requests of an even stream come, whose rate may change.

    The first comes after a part of a distance, and the others at equal distances;
    after a change of the rate what has gone by of a distance counts (SIM-4).

    Args:
        at: When the stream begins.
        wait: The part of a distance before the first, 0 to 1.
    """

    def __init__(self, at: float, wait: float = 0.0) -> None:
        self.done: int = 0
        self.rate: float = 0.0
        self._since = at
        self._credit = -wait

    def set_rate(self, at: float, rate: float) -> None:
        """From *at* on there are so many requests a second."""
        self._credit += self.rate * (at - self._since)
        self._since = at
        self.rate = rate

    def moment(self, count: int) -> float:
        """When as many further requests will have come, in seconds; infinity if they never do."""
        if not self.rate:
            return inf
        distance = self.done + count - 1 - self._credit
        return round(self._since + max(0.0, distance) / self.rate, 9)

    def due(self, at: float, *, inclusive: bool) -> int:
        """How many further requests come until *at*."""
        credit = self._credit + self.rate * (at - self._since)
        slack = _NANOSECOND * (1.0 + self.rate)  # moments are whole nanoseconds
        last = floor(credit + slack) + 1 if inclusive else ceil(credit - slack)
        # While nothing comes, the request that is due at this moment waits.
        return max(0, last - self.done) if self.rate else 0


class Runs:
    """How requests end where chance has a part in it: runs of like answers, drawn as far as they are asked for.

    Args:
        random: The chance.
        answers: The part of each answer; two at least.
    """

    def __init__(self, random: Random, answers: Answers) -> None:
        self._random = random
        self._answers = answers
        self._last: Answer | None = None

    def draw(self) -> tuple[Answer, int]:
        """The next run: its answer, which differs from that of the run before, and how many there are in a row."""
        others = {answer: part for answer, part in self._answers.items() if answer != self._last}
        (answer,) = self._random.choices(tuple(others), tuple(others.values()))
        self._last = answer
        return answer, run_length(self._random, self._answers[answer])


def run_length(random: Random, part: float) -> int:
    """How many answers of one kind come in a row, the first of which is there, where each further has this chance."""
    return 1 + int(log(1.0 - random.random()) / log(part)) if part < 1.0 else 2**53


class Failures:
    """The failed requests of an endpoint that fails a part of them with one answer; a fast form of `Runs`.

    Requests are numbered from 0; a run of failed ones is kept as its first number and its length.

    Args:
        random: The chance.
        part: The part that fails, between 0 and 1.
        number: The number of the first request.
    """

    def __init__(self, random: Random, part: float, number: int) -> None:
        self._random = random
        self._served = log1p(-part)
        self._failed = log(part)
        self._part = part
        self._starts: list[int] = []
        self._sums = [0]  # of failed requests before each run
        self._next = number  # the first number of which nothing is drawn

    def draw(self, least: int, until: int) -> int | None:
        """Draw runs until one has *least* failed requests, or up to request *until*.

        Returns:
            The number of the last of these *least*; ``None`` if there is none.
        """
        uniform, served, failed = self._random.random, self._served, self._failed
        starts, sums, number, total = self._starts, self._sums, self._next, self._sums[-1]
        found = None
        while number < until and found is None:
            number += int(log(1.0 - uniform()) / served)
            length = 1 + int(log(1.0 - uniform()) / failed)
            starts.append(number)
            total += length
            sums.append(total)
            if length >= least:
                found = number + least - 1
            number += length + 1  # the one after the run is served
        self._next = number
        return found

    def find(self, number: int, least: int) -> int | None:
        """Where the first run of *least* that begins at *number* or later has had as many; of those drawn."""
        for place in range(bisect_left(self._starts, number), len(self._starts)):
            if self._sums[place + 1] - self._sums[place] >= least:
                return self._starts[place] + least - 1
        return None

    def run_at(self, number: int) -> tuple[int, int] | None:
        """The run of failed requests that this one is in, by first number and length; ``None`` if it is served."""
        place = bisect_left(self._starts, number + 1) - 1
        if place < 0:
            return None
        start, length = self._starts[place], self._sums[place + 1] - self._sums[place]
        return (start, length) if number < start + length else None

    def count(self, first: int, end: int) -> int:
        """How many of these requests fail."""
        return self._before(end) - self._before(first)

    def long_runs(self, first: int, end: int, least: int) -> int:
        """How often *least* failed requests in a row are complete in runs that begin and end there."""
        low, high = bisect_left(self._starts, first), bisect_left(self._starts, end)
        lengths = (self._sums[place + 1] - self._sums[place] for place in range(low, high))
        return sum(length // least for length in lengths if length >= least)

    def _before(self, number: int) -> int:
        place = bisect_left(self._starts, number)
        if not place:
            return 0
        start, length = self._starts[place - 1], self._sums[place] - self._sums[place - 1]
        return self._sums[place - 1] + min(length, number - start)
