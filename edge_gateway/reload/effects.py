"""What a reload does when a key is another: the one mapping. RELOAD.md has its table, and a test holds it complete."""

from __future__ import annotations

from dataclasses import dataclass

from edge_gateway.status import PAGE

ACQUIRE, FLOW, DELIVER = "acquire", "flow", "deliver"


@dataclass(frozen=True, slots=True)
class Effect:
    """Of a change below one key.

    Attributes:
        words: For people.
        live: Processes that take it over while they run.
        restarts: Processes that are started again, each by itself; the others go on.
        refused: It does not happen without another start of the gateway.
    """

    words: str
    live: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    refused: bool = False


_IDENTITY = Effect(
    "Refused: certificates, keys of objects and all that is kept carry it. Stop the gateway and start it again.",
    refused=True,
)
_LINK = Effect(
    "The driver of a link that is added, removed or changed is started or stopped. All other links keep their "
    "connections and sessions. A link counts as changed, too, when another one gives or takes a tag of its assets.",
    live=(ACQUIRE, FLOW),
)
_DELIVERY = Effect(
    "The deliver process is started again. What waits in the outbox and in rings stays there and is sent then.",
    restarts=(DELIVER,),
)

EFFECTS: dict[str, Effect] = {
    "gateway.site": _IDENTITY,
    "gateway.name": _IDENTITY,
    "gateway.data": _IDENTITY,
    "gateway.flow": Effect(
        "The flow process is started again, also when only the .py file is another. Its state goes on where the step "
        "ids are the same; another flow has a state of its own.",
        restarts=(FLOW,),
    ),
    "gateway.report_every": Effect("The flow process is started again; its state goes on.", restarts=(FLOW,)),
    "gateway.epoch": Effect("The flow process is started again; its state goes on.", restarts=(FLOW,)),
    "opcua": _LINK,
    "modbus": _LINK,
    "windows": Effect(
        "The flow process is started again. Where other windows are cut, those that are open are closed out as "
        "partial ones, with an event of kind 'migration'. idle_after holds at once.",
        live=(ACQUIRE,),
        restarts=(FLOW,),
    ),
    "features": Effect("The flow process is started again; open windows stay open.", restarts=(FLOW,)),
    "rules": Effect(
        "Judged by from the next samples on. A rule of the same name, kind and tags goes on, and so does its alarm, "
        "open, acknowledged or shelved. The alarm of a rule that is gone is closed out, and the record says why.",
        live=(FLOW,),
    ),
    "model": Effect(
        "Opened beside those that serve, and swapped between two windows. A bundle that is refused refuses the reload. "
        "What a stateful model remembers stays, as long as name and version do.",
        live=(FLOW, DELIVER),
    ),
    "models": Effect(
        "Keys, promotion and roll-back go by it from the next look at the store on. The deliver process, which follows "
        "channels, is started again.",
        live=(FLOW,),
        restarts=(DELIVER,),
    ),
    "drift": Effect(
        "The flow process is started again. With another period the count begins anew; what drifts still drifts.",
        restarts=(FLOW,),
    ),
    "alerts": Effect("Judged by from the next windows on; what is open stays open.", live=(FLOW,)),
    "maintenance": Effect("Looked at with the next samples.", live=(FLOW,)),
    "journal": Effect(
        "The acquire process is started again, with all links; what it had received is in the journal. A gap of about "
        "a second is stated.",
        restarts=(ACQUIRE,),
    ),
    "outbox": Effect(
        "The flow and the deliver process are started again; records stay.",
        restarts=(FLOW, DELIVER),
    ),
    "target": _DELIVERY,
    "page": Effect("The page is started again, begun or ended; nothing else notices.", restarts=(PAGE,)),
    "log": Effect("The level holds at once, everywhere; the format from the next start on.", live=(ACQUIRE, FLOW)),
    "influx": _DELIVERY,
    "cluster": Effect(
        "Refused: its hosts know each other by it. Stop the gateways of the site and start them again.", refused=True
    ),
    "uplink": _DELIVERY,
}
"""By section, or by section and key where the keys of one differ."""


def effect_of(key: str) -> Effect:
    """Of "section.key", or of a section that has one effect.

    Raises:
        KeyError: There is no such section.
    """
    return EFFECTS.get(key) or EFFECTS[key.partition(".")[0]]


def table() -> str:
    """For RELOAD.md."""
    rows = ["| Key | Process | What happens |", "|---|---|---|"]
    for key, effect in EFFECTS.items():
        who = [*(f"{role}: while it runs" for role in effect.live), *(f"{role}: restart" for role in effect.restarts)]
        rows.append(f"| `{key}` | {'; '.join(who) or 'none'} | {effect.words} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
