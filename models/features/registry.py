"""What a feature is, how one is added, and how a name in a manifest becomes one again.

A new feature is one pure function under one decorator:

    @feature("midrange", unit="u", formula="(max + min) / 2", source="definition")
    def midrange(s: Segments) -> Column:
        return (s.maximum + s.minimum) / 2

One with parameters is a function from them to such a function; calling it registers and hands back a name that says
all of them ("quantile:0.9"), from which the same feature can be made again:

    @family("quantile", unit="u", formula="...", source="numpy.quantile")
    def quantile(q: float) -> Function:
        ...
        return lambda s: ...

Units are given in terms of the tag's own unit u. Where a segment cannot tell (one sample, no spread in value or
time), a feature of change or shape is 0, not NaN: a tag that is constant, or that reports by exception and came once,
must not silence the model of its machine. NaN means that the feature does not apply: no sample, not a waveform, a
waveform too short for a spectrum, a band beyond what was sampled. Other non-finite results mean that the arithmetic
overflowed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn, ParamSpec

from models.segments import Column, Segments

Function = Callable[[Segments], Column]
Over = Literal["samples", "held", "all"]
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Feature:
    """One number per segment, and what a reader needs to trust it.

    Attributes:
        name: Unique; that of one with parameters says them, "quantile:0.9".
        unit: In terms of the tag's unit u; "" = a pure number.
        formula: Part of the hash of every set that holds the feature.
        source: Standard, paper or reference function that defines it.
        function: From k segments to float64[k], pure.
        over: Which segments the function is handed: those with samples; also those without any whose value in force is
            known ("held"); or all. The others are NaN.
        waveform: NaN for all but waveform tags.
        spread: Never negative, and scatters by factors: models judge it on a logarithmic scale.
    """

    name: str
    unit: str
    formula: str
    source: str
    function: Function
    over: Over = "samples"
    waveform: bool = False
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """Features that differ in their parameters.

    Attributes:
        name: What their names begin with.
        parameters: Names, in order.
        required: How many of them have no default.
        unit: As of `Feature`, like those that follow.
        formula: With {parameter} where its value goes.
        source: As of `Feature`.
        waveform: As of `Feature`.
        make: From parameters to the name of the feature, which is registered then.
    """

    name: str
    parameters: tuple[str, ...]
    required: int
    unit: str
    formula: str
    source: str
    waveform: bool
    make: Callable[..., str]

    @property
    def usage(self) -> str:
        """How a name of this family is written."""
        needed = ":".join([self.name, *(parameter.upper() for parameter in self.parameters[: self.required])])
        rest = ":".join(parameter.upper() for parameter in self.parameters[self.required :])
        return f"{needed}[:{rest}]" if rest else needed


_REGISTRY: dict[str, Feature] = {}
_FAMILIES: dict[str, Family] = {}


def feature(
    name: str,
    *,
    unit: str,
    formula: str,
    source: str,
    over: Over = "samples",
    waveform: bool = False,
    spread: bool = False,
) -> Callable[[Function], Function]:
    """Register a pure function from k segments to float64[k], vectorised over all of them. Arguments: see `Feature`.

    Raises:
        ValueError: The name is taken by another function.
    """

    def register(function: Function) -> Function:
        known = _REGISTRY.get(name)
        _check_free(name, None if known is None else known.function, function)
        _REGISTRY[name] = Feature(name, unit, formula, source, function, over, waveform, spread)
        return function

    return register


def family(
    name: str,
    *,
    unit: str,
    formula: str,
    source: str,
    over: Over = "samples",
    waveform: bool = False,
    spread: bool = False,
) -> Callable[[Callable[P, Function]], Callable[P, str]]:
    """Make a function from parameters to a feature's function into one from parameters to the feature's name.

    Parameters are numbers; the last ones may default to None and are then left out of the name. The function refuses
    those that cannot be with `refuse`. Arguments: see `Feature`; the formula names parameters in braces.

    Raises:
        ValueError: The name is taken by another function.
    """

    def register(make: Callable[P, Function]) -> Callable[P, str]:
        known = _FAMILIES.get(name)
        _check_free(name, None if known is None else known.make, make)
        signature = inspect.signature(make)

        def named(*args: P.args, **kwargs: P.kwargs) -> str:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            for key, value in bound.arguments.items():
                if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
                    refuse(name, key, value, "a finite number", "Write for example 10 or 0.5.")
            given = {key: _text(value) for key, value in bound.arguments.items() if value is not None}
            title = ":".join([name, *given.values()])
            if title not in _REGISTRY:
                told = formula.format(**{key: given.get(key, "none") for key in bound.arguments})
                function = make(*bound.args, **bound.kwargs)
                _REGISTRY[title] = Feature(title, unit, told, source, function, over, waveform, spread)
            return title

        named.__doc__, named.__module__, named.__qualname__ = make.__doc__, make.__module__, make.__qualname__
        parameters = tuple(signature.parameters)
        required = sum(p.default is p.empty for p in signature.parameters.values())
        _FAMILIES[name] = Family(name, parameters, required, unit, formula, source, waveform, named)
        return named

    return register


def registered() -> dict[str, Feature]:
    """All features by name (a copy); of those with parameters the ones that were made."""
    return dict(_REGISTRY)


def families() -> dict[str, Family]:
    """All kinds of features with parameters, by name (a copy)."""
    return dict(_FAMILIES)


def lookup(name: str) -> Feature:
    """The feature of a name; one with parameters is made where need be. Its own name is the canonical one.

    Raises:
        ValueError: There is none, or its parameters cannot be.
    """
    if (known := _REGISTRY.get(name)) is not None:
        return known
    head, *texts = name.split(":")
    kind = _FAMILIES.get(head)
    if kind is None:
        have = [*_REGISTRY, *(kind.usage for kind in _FAMILIES.values())]
        msg = f"feature {name!r}: must be registered; there is {', '.join(have)}"
        raise ValueError(msg)
    rule = f"written as {kind.usage}"
    if not kind.required <= len(texts) <= len(kind.parameters):
        refuse(head, "name", name, rule, "Give every parameter, and no more.")
    try:
        values = [float(text) for text in texts]
    except ValueError:
        refuse(head, "name", name, rule, "Give every parameter as a number.")
    return _REGISTRY[kind.make(*values)]


def refuse(name: str, key: str, value: object, rule: str, fix: str) -> NoReturn:
    """Refuse a parameter: the name of the feature, the key, its value, the rule it breaks, and what to do."""
    msg = f"feature {name}: {key} = {value!r}: must be {rule}. {fix}"
    raise ValueError(msg)


def _check_free(name: str, known: Callable[..., object] | None, function: Callable[..., object]) -> None:
    """A module that is imported again registers the same again; anything else would be taken for what it is not."""
    if known is not None and known.__qualname__ != function.__qualname__:
        msg = f"feature {name!r}: the name is taken by {known.__qualname__}; choose another"
        raise ValueError(msg)


def _text(value: float) -> str:
    """Shortest text that reads back as the same number; whole numbers without a point."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
