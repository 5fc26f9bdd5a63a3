"""`schema` as typer reads it: parameters and nothing else. What it does is imported when it is called."""

from __future__ import annotations

import typer


def register_config(app: typer.Typer) -> None:
    """Add the commands about configurations."""

    @app.command()
    def schema() -> None:
        """Print the JSON Schema of gateway.toml, for completion and hints in an editor.

        `sluicegate schema > gateway.schema.json` beside the configuration, and `#:schema ./gateway.schema.json` as its
        first line, suffice for Even Better TOML (VS Code), Taplo and other editors that know the directive.

        Example: sluicegate schema
        """
        from edge_gateway.config.schema import text

        typer.echo(text(), nl=False)
