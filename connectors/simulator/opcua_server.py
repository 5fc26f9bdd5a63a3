"""The plant's OPC-UA server. The only file of the simulator that knows asyncua.

It trusts every client certificate and lets anonymous users in: it is a stand-in for a plant, bound to loopback. The
gateway's side is where trust is tested. Values are pushed as they are made; asyncua's server samples nothing.
"""

from __future__ import annotations

import datetime as dt
import logging
import socket
from pathlib import Path

from asyncua import Server, ua

from connectors.simulator import tags
from connectors.simulator.identity import identity, uri
from connectors.simulator.scenery import Scenery
from connectors.simulator.station import Readings

HOST = "127.0.0.1"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class PlantOpcUaServer:
    """Serves the OPC-UA points of a scenery. Use as an asynchronous context manager."""

    def __init__(self, scenery: Scenery, port: int, folder: Path, *, insecure: bool) -> None:
        """Nothing is opened yet.

        Args:
            scenery: What is served.
            port: Of loopback; 0 = any free one.
            folder: Where the server's key and certificate are made.
            insecure: Also offer an endpoint without security.
        """
        self._scenery = scenery
        self._port = port or _free_port()
        self._folder = folder
        self._insecure = insecure
        self._server = Server()
        self._nodes: dict[tuple[str, str], ua.NodeId] = {}

    @property
    def endpoint(self) -> str:
        """The URL that clients connect to."""
        return f"opc.tcp://{HOST}:{self._port}/plant"

    async def __aenter__(self) -> PlantOpcUaServer:
        """Make the certificate and the nodes, then listen.

        Raises:
            OSError: The port is taken.
        """
        # asyncua formats whole messages at INFO, and warns of every session that a killed client leaves behind.
        logging.getLogger("asyncua").setLevel(logging.ERROR)
        self.certificate, key = identity(self._folder)
        server = self._server
        await server.init()
        server.set_endpoint(self.endpoint)
        server.set_server_name(f"Sluicegate simulator: {self._scenery.name}")
        await server.set_application_uri(uri())
        await server.load_certificate(self.certificate)
        await server.load_private_key(key)
        policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
        server.set_security_policy([*policies, ua.SecurityPolicyType.NoSecurity] if self._insecure else policies)
        await self._add_nodes()
        await server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    async def publish(self, readings: Readings) -> None:
        """Write what the sensors said; subscribers get every value with its source time and status.

        A bad value goes out as null, as OPC 10000-4, 7.11 asks of a server.
        """
        for point in self._scenery.opcua:
            node = self._nodes[point.asset, point.tag]
            if point.waveform:
                for time, block in zip(readings.block_times.tolist(), readings.blocks[point.asset], strict=True):
                    await self._write(node, ua.Variant(block.tolist(), ua.VariantType.Float), 0, time)
                continue
            j = self._scenery.tables[point.asset].index(point.tag)
            values = readings.values[point.asset][:, j].tolist()
            codes = readings.codes[point.asset][:, j].tolist()
            for time, value, code in zip(readings.times.tolist(), values, codes, strict=True):
                variant = ua.Variant(None, ua.VariantType.Null) if code else ua.Variant(value, ua.VariantType.Double)
                await self._write(node, variant, code, time)

    async def _write(self, node: ua.NodeId, variant: ua.Variant, code: int, time_ns: int) -> None:
        value = ua.DataValue(
            variant,
            ua.StatusCode(code),
            SourceTimestamp=_EPOCH + dt.timedelta(microseconds=time_ns // 1000),
            ServerTimestamp=dt.datetime.now(dt.UTC),
        )
        await self._server.write_attribute_value(node, value)

    async def _add_nodes(self) -> None:
        index = await self._server.register_namespace(tags.NAMESPACE)
        waiting = ua.DataValue(
            ua.Variant(None, ua.VariantType.Null), ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData)
        )
        for asset in dict.fromkeys(point.asset for point in self._scenery.opcua):
            folder = await self._server.nodes.objects.add_object(ua.NodeId(asset, index), asset)
            for point in (point for point in self._scenery.opcua if point.asset == asset):
                kind = ua.VariantType.Float if point.waveform else ua.VariantType.Double
                first = [0.0] if point.waveform else 0.0
                variable = await folder.add_variable(ua.NodeId(point.identifier, index), point.tag, first, kind)
                self._nodes[asset, point.tag] = variable.nodeid
                await self._server.write_attribute_value(variable.nodeid, waiting)


def _free_port() -> int:
    """A port that is free now: asyncua must know it before it listens, since its endpoints carry it."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
