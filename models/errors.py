"""What can be wrong with a model or with the rows meant for one.

ModelError
    BundleRejected      a bundle on disk that must not be served
        BundleNotJudged for a reason that is not in its bytes
    TrainingRefused     rows that cannot carry a model, or a model that is not what was fitted
    RowsRefused         rows of another shape than the model was made for
    StateRefused        a state of another shape than the model remembers
    ScoringFailed       a call of a model that gave no scores
    KeyRefused          a signing key that cannot be used
    LifeRefused         a step in the life of a model that its state does not allow
    ChannelRefused      a channel that must not be followed
    ImportRefused       a model of somebody else's that cannot be wrapped
"""

from __future__ import annotations

from pathlib import Path


class ModelError(Exception):
    """Root of everything this room raises on purpose."""


class BundleRejected(ModelError):  # noqa: N818 - the name says what happened
    """A bundle was refused, before any of it was executed.

    Attributes:
        path: The folder or the file in it.
        rule: What must hold and does not.
        fix: What the reader can do.
    """

    def __init__(self, path: Path, rule: str, fix: str) -> None:
        super().__init__(f"bundle {path}: {rule}; {fix}")
        self.path = path
        self.rule = rule
        self.fix = fix


class BundleNotJudged(BundleRejected):
    """A bundle was refused here and now; the same bytes may pass elsewhere, later, or with other settings."""


class TrainingRefused(ModelError):  # noqa: N818 - the name says what happened
    """No bundle was written.

    Attributes:
        key: What was judged: "rows", "missing", "holdout", "difference", ...
        value: What it was.
        rule: What must hold.
        fix: What the reader can do.
    """

    def __init__(self, key: str, value: object, rule: str, fix: str) -> None:
        super().__init__(f"{key} = {value}: {rule}; {fix}")
        self.key = key
        self.value = value
        self.rule = rule
        self.fix = fix


class RowsRefused(ModelError):  # noqa: N818 - the name says what happened
    """Rows do not have the shape the model was made for.

    Attributes:
        got: Shape of the rows.
        want: (tags, features) of the model.
    """

    def __init__(self, model: str, got: tuple[int, ...], want: tuple[int, int]) -> None:
        super().__init__(
            f"rows of shape {got}: {model} wants (n, {want[0]} tags, {want[1]} features); "
            "make them with its feature set"
        )
        self.got = got
        self.want = want


class StateRefused(ModelError):  # noqa: N818 - the name says what happened
    """What was handed in as a model's state is not of its making, or not of as many assets as there are rows.

    Attributes:
        want: Shape of one asset by name of the port.
    """

    def __init__(self, model: str, got: str, want: dict[str, tuple[int, ...]]) -> None:
        super().__init__(f"state of shapes {got}: {model} wants {want} of each row; begin afresh")
        self.want = want


class ScoringFailed(ModelError):  # noqa: N818 - the name says what happened
    """A call of a model gave no scores; its rows abstain.

    Attributes:
        model: "name@version".
        trouble: "failed"; "slow", it took longer than it may; or "refused", its bundle was.
        detail: One sentence for people.
    """

    def __init__(self, model: str, trouble: str, detail: str) -> None:
        super().__init__(f"{model}: {detail}")
        self.model = model
        self.trouble = trouble
        self.detail = detail


class KeyRefused(ModelError):  # noqa: N818 - the name says what happened
    """A key file cannot be used.

    Attributes:
        path: Of the file.
        rule: What must hold and does not.
        fix: What the reader can do.
    """

    def __init__(self, path: Path, rule: str, fix: str) -> None:
        super().__init__(f"key {path}: {rule}; {fix}")
        self.path = path
        self.rule = rule
        self.fix = fix


class LifeRefused(ModelError):  # noqa: N818 - the name says what happened
    """A model does not change its state.

    Attributes:
        model: Name, or "name@version".
        rule: What must hold and does not.
        fix: What the reader can do.
    """

    def __init__(self, model: str, rule: str, fix: str) -> None:
        super().__init__(f"model {model}: {rule}; {fix}")
        self.model = model
        self.rule = rule
        self.fix = fix


class ChannelRefused(ModelError):  # noqa: N818 - the name says what happened
    """A channel was not taken; what a gateway serves goes on.

    Attributes:
        key: Of the object.
        rule: What must hold and does not.
        fix: What its publisher can do.
    """

    def __init__(self, key: str, rule: str, fix: str) -> None:
        super().__init__(f"{key}: {rule}; {fix}")
        self.key = key
        self.rule = rule
        self.fix = fix


class ImportRefused(ModelError):  # noqa: N818 - the name says what happened
    """A model that was made elsewhere cannot become a bundle.

    Attributes:
        key: What was judged: "input", "dtype", "opset", "external data", "domains", ...
        value: What it was.
        rule: What must hold.
        fix: What the reader can do.
    """

    def __init__(self, key: str, value: object, rule: str, fix: str) -> None:
        super().__init__(f"{key} = {value}: {rule}; {fix}")
        self.key = key
        self.value = value
        self.rule = rule
        self.fix = fix
