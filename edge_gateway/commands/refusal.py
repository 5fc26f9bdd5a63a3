"""A command that cannot begin as it was given."""

from __future__ import annotations

from edge_gateway.config.problems import Problem
from edge_gateway.exit_codes import Exit


class Refusal(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """What is wrong, in the words of `Problem`, and the exit code that it deserves."""

    def __init__(self, key: str, value: str | None, rule: str, fix: str, exit_code: Exit = Exit.CONFIG) -> None:
        self.problem = Problem(key, value, rule, fix)
        self.exit_code = exit_code
        super().__init__(str(self.problem))
