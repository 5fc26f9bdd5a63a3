from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua.address import STANDARD_NAMESPACE, NodeAddress, node_text, parse_node

URIS = st.sampled_from([STANDARD_NAMESPACE, "urn:x", "http://plant/a?b=c", "urn:a;b"])
NODES = st.one_of(
    st.builds(NodeAddress, URIS, st.just("i"), st.integers(0, 2**32 - 1)),
    st.builds(NodeAddress, URIS, st.just("s"), st.text(min_size=1)),
    st.builds(NodeAddress, URIS, st.just("g"), st.uuids()),
    st.builds(NodeAddress, URIS, st.just("b"), st.binary(min_size=1)),
)


@given(NODES)
def test_what_is_written_is_read_again(node: NodeAddress) -> None:
    assert parse_node(node_text(node)) == node


def test_the_standard_namespace_is_left_out() -> None:
    assert node_text(parse_node("i=2258")) == "i=2258"
    assert node_text(parse_node('nsu=urn:x;s="DB1"."Flow"')) == 'nsu=urn:x;s="DB1"."Flow"'
