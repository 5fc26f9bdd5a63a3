"""Who reads what in a cluster, and which clusters are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sink.sink import OutboxSink
from edge_gateway.check import load_checked
from edge_gateway.cluster import NoSuchHost, as_host, free_addresses, here, number_of, remember_host, share_of
from edge_gateway.config.config import Config
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.spread import Spread

GATEWAY = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[target]]
kind = "file"
path = "cloud"
[[modbus]]
name = "line-1"
host = "127.0.0.1"
[[modbus.tags]]
asset = "press"
tag = "force"
address = "holding:0:int16"
[[modbus]]
name = "line-2"
host = "127.0.0.1"
[[modbus.tags]]
asset = "oven"
tag = "heat"
address = "holding:0:int16"
"""
HOSTS = """
[[cluster.hosts]]
name = "hall-b"
address = "10.7.0.1:2101"
links = ["line-1"]
[[cluster.hosts]]
name = "hall-a"
address = "10.7.0.2:2101"
links = ["line-2"]
"""

FILES = 'ca_file = "ca.pem"\ncertificate = "our.pem"\nprivate_key = "our.key"'


def load_text(folder: Path, text: str) -> Config:
    (folder / "gateway.toml").write_text(text)
    return load_checked(folder / "gateway.toml")


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigRejected) as caught:
        load_text(folder, text)
    return str(caught.value)


def test_each_host_reads_its_own_links_under_its_own_name(tmp_path: Path) -> None:
    config = load_text(tmp_path, GATEWAY + HOSTS)
    own = as_host(config, "hall-a")
    assert (own.gateway.name, [line.name for line in own.modbus]) == ("hall-a", ["line-2"])
    assert as_host(config, None) is config


def test_a_data_folder_remembers_its_host(tmp_path: Path) -> None:
    config = load_text(tmp_path, GATEWAY + HOSTS)
    config.gateway.data.mkdir()
    assert here(config).gateway.name == "gw-1"
    remember_host(config, "hall-a")
    assert here(config).gateway.name == "hall-a"
    remember_host(config, "gone-from-the-table")
    assert here(config) is config
    remember_host(config, None)
    assert here(config) is config


def test_files_of_links_that_another_host_reads_need_not_be_here(tmp_path: Path) -> None:
    secured = GATEWAY.replace('name = "line-2"', 'name = "line-2"\ntransport = "tls"\n' + FILES)
    assert "ca.pem" in problems(tmp_path, secured + HOSTS)
    load_checked(tmp_path / "gateway.toml", host="hall-b")
    with pytest.raises(ConfigRejected, match=r"ca\.pem"):
        load_checked(tmp_path / "gateway.toml", host="hall-a")


def test_what_is_of_an_asset_goes_into_the_outbox_of_the_host_that_reads_it(tmp_path: Path) -> None:
    config = load_text(tmp_path, GATEWAY + HOSTS)
    shares = [share_of(config, name) for name in ("hall-b", "hall-a")]
    assert [share.journal for share in shares] == ["journal-0", "journal-host-hall-a"]
    assert [share.keeps_state for share in shares] == [True, False]
    assert shares[0].addresses == shares[1].addresses == ("10.7.0.1:2101", "10.7.0.2:2101")
    for share in shares:  # whoever has a record sends it to the same outbox
        sink = OutboxSink(
            lambda: pytest.fail("opened"), partition=share.outbox, partitions=share.outboxes, owners=share.owners
        )
        names = sorted(share.outboxes)
        assert sink.list_parts() == [share.outbox]
        assert names[sink.part_fn("press")] == "outbox-0"
        assert names[sink.part_fn("oven")] == "outbox-host-hall-a"
        assert names[sink.part_fn("")] == "outbox-0", "of the gateway"


def test_further_processes_of_a_machine_have_neither_journal_nor_outbox(tmp_path: Path) -> None:
    config = load_text(tmp_path, GATEWAY)
    addresses = free_addresses(2)
    assert len(set(addresses)) == 2
    first, second = (share_of(config, None, process=number, addresses=addresses) for number in range(2))
    assert (first.journal, first.outbox, first.role, first.keeps_state) == ("journal-0", "outbox-0", "flow", True)
    assert (second.journal, second.outbox, second.role, second.keeps_state) == (None, None, "flow-1", False)
    assert not first.alone
    assert share_of(config, None).alone


def test_a_supervisor_tells_each_process_its_part() -> None:
    spread = Spread(processes=2, workers=3)
    told = spread.arguments("flow-1", ("127.0.0.1:20000", "127.0.0.1:20001"))
    assert " ".join(told) == (
        "--only flow --workers-per-process 3 --process-id 1 --addresses 127.0.0.1:20000,127.0.0.1:20001"
    )
    assert Spread("hall-a").arguments("acquire", ()) == ["--only", "acquire", "--host", "hall-a"]
    assert Spread("hall-a").arguments("flow", ())[:4] == ["--only", "flow", "--host", "hall-a"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('links = ["line-2"]', 'links = ["line-3"]'), '"line-3": is no link of this file'),
        (('links = ["line-2"]', 'links = ["line-3"]'), '"line-2": belongs to no host'),
        (('links = ["line-2"]', 'links = ["line-1", "line-2"]'), '"line-1": belongs to several hosts'),
        (('name = "hall-a"', 'name = "hall-b"'), 'name = "hall-b": must be unique'),
        (("10.7.0.2", "10.7.0.1"), "must be unique"),
        (("10.7.0.2:2101", "0.0.0.0:2101"), "must be the address of one network"),
        (("10.7.0.2:2101", "10.7.0.2"), "must be HOST:PORT"),
        (("10.7.0.2:2101", "10.7.0.2:70000"), "a port of 1 to 65535"),
        (('asset = "oven"\ntag = "heat"', 'asset = "press"\ntag = "heat"'), "an asset is in one journal only"),
        ((HOSTS[HOSTS.rindex("[[cluster") :], ""), "has one host"),
    ],
)
def test_a_cluster_that_cannot_work_is_refused(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    assert told in problems(tmp_path, (GATEWAY + HOSTS).replace(*change))


def test_the_life_of_a_model_is_of_one_flow(tmp_path: Path) -> None:
    model = '[[model]]\nassets = ["press"]\nname = "press"\n'
    assert "its life is watched by one flow only" in problems(tmp_path, GATEWAY + model + HOSTS)
    config = load_text(tmp_path, GATEWAY + model)
    assert "one worker only" in Spread(processes=2).refusal(config)
    assert "one worker only" in Spread(workers=2).refusal(config)
    assert Spread().refusal(config) == ""


def test_a_host_must_be_named_and_known(tmp_path: Path) -> None:
    config = load_text(tmp_path, GATEWAY + HOSTS)
    assert "--host is missing: the hosts of [cluster] are hall-b, hall-a" in Spread().refusal(config)
    assert "hall-b, hall-a" in Spread("hall-c").refusal(config)
    assert "one flow process" in Spread("hall-a", processes=2).refusal(config)
    assert Spread("hall-a").refusal(config) == ""
    assert "there is no [cluster] table" in Spread("hall-a").refusal(load_text(tmp_path, GATEWAY))
    with pytest.raises(NoSuchHost):
        number_of(config, "hall-c")
