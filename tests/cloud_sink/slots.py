"""A target that does as told, and a slot whose uploads end when the test says so."""

from __future__ import annotations

from cloud_sink.slots import attempt
from cloud_sink.targets.base import Receipt


class ScriptedTarget:
    """Answers as told, then with success; remembers every attempt."""

    def __init__(self, name="scripted"):
        self.name = name
        self.script = []
        self.always = None
        self.attempts = []
        self.stored = {}
        self.before_put = lambda: None

    def put(self, key, data):
        self.before_put()
        self.attempts.append(key)
        answer = self.script.pop(0) if self.script else self.always
        if answer is not None:
            raise answer
        assert self.stored.setdefault(key, data) == data
        return Receipt("sha")

    @property
    def lanes(self):
        return [key.split("/")[0] for key in self.attempts]


class SlowSlot:
    """An upload that ends when the test says so."""

    def __init__(self, target):
        self.target = target
        self.outgoing = None
        self.finished = False

    def start(self, outgoing):
        assert self.outgoing is None
        self.outgoing, self.finished = outgoing, False

    def outcome(self, wait=0.0):
        if self.outgoing is None or not (self.finished or wait is None):
            return None
        outgoing, self.outgoing = self.outgoing, None
        return attempt(self.target, outgoing)
