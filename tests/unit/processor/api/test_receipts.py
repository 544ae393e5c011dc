"""Receipts of erasures."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from processor.api.receipts import ErasureReceipt


@given(st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=4))
def test_slices_make_the_receipt_of_the_whole(slices: list[list[str]]) -> None:
    """However the addresses are sliced, the receipt has their number and the hash of all, joined by line feeds."""
    whole = [address.encode("utf-8", "replace").decode() for part in slices for address in part]
    receipt = ErasureReceipt()

    for part in slices:
        receipt.add([address.encode("utf-8", "replace").decode() for address in part], minings=1)

    keys = sha256("\n".join(whole).encode()).hexdigest()
    assert receipt.to_json() == {"contacts": len(whole), "minings": len(slices), "keys": keys}
