# SPDX-License-Identifier: Apache-2.0
"""How long service stood still, read from recorded histories."""

import bisect
import json

# As bench's append and register lay their keys out unless told otherwise: slots, cut into groups.
SLOT, SLOTS, GROUPS = 1_000_000, 12, 3


class Answers:
    """When writes in each group were acknowledged."""

    def __init__(self, histories):
        self.times = {}
        for number, path in enumerate(histories):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    self._add(number, json.loads(line))
        for times in self.times.values():
            times.sort()

    def _add(self, number, operation):
        # Reads go on where writes cannot; service is both.
        if operation["outcome"] != "committed" or "writes" not in operation:
            return
        for key, _ in operation["writes"]:
            self.times.setdefault((number, int(key) // SLOT * GROUPS // SLOTS), []).append(operation["complete_us"] / 1e6)

    def longest_gap(self, began, ended):
        """The longest time without an acknowledged write in some group that began within [began, ended]."""
        return max((self._gap(times, began, ended) for times in self.times.values()), default=ended - began)

    @staticmethod
    def _gap(times, began, ended):
        # What was answered last before a fault struck is where its gap begins.
        first = max(0, bisect.bisect_left(times, began) - 1)
        last = min(len(times), bisect.bisect_right(times, ended) + 1)
        near = [max(times[first], began), *times[first + 1:last]] if first < last else []
        return max((b - a for a, b in zip(near, near[1:])), default=ended - began)
