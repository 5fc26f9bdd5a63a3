"""A configuration that need not be finished: enough of it to know whose it is and where the gateway keeps its data."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_gateway.commands.refusal import Refusal
from edge_gateway.config.config import GatewaySection
from edge_gateway.config.environment import expanded


def read_unfinished(path: Path) -> tuple[dict[str, Any], GatewaySection]:
    """What stands in it, unchecked, and its [gateway].

    Args:
        path: As `--gateway` named it.

    Raises:
        Refusal: It cannot be read, or does not say who the gateway is.
    """
    try:
        data, unset = expanded(tomllib.loads(path.read_text(encoding="utf-8-sig")), os.environ)
        own = [problem for problem in unset if problem.key.startswith("gateway.")]
        if own:
            raise Refusal(f"{path} {own[0].key}", own[0].value, own[0].rule, own[0].fix)
        return data, GatewaySection.model_validate(data.get("gateway"))
    except OSError as error:
        fix = "Name the gateway's configuration: --gateway GATEWAY.TOML."
        raise Refusal("--gateway", str(path), f"cannot be read: {error.strerror}", fix) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("--gateway", str(path), f"is not TOML: {error}", "Correct the TOML there.") from error
    except ValidationError as error:
        rule = "does not say who the gateway is: [gateway] with site, name and data"
        raise Refusal("--gateway", str(path), rule, f"See `sluicegate check {path}`.") from error
