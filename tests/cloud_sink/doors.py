"""A door that leads nowhere: answers as told and remembers what was asked."""

from __future__ import annotations

from cloud_sink.uplink.words import Answer


class ScriptedDoor:
    def __init__(self, *script):
        self.sent = 0
        self.script = list(script)
        self.asked = []

    def exchange(self, method, path, headers, body=b"", most=None):
        self.asked.append((method, path, dict(headers), body))
        self.sent += len(body) + 100
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def error_answer(status, code=""):
    return Answer(status, {}, f"<Error><Code>{code}</Code></Error>".encode())
