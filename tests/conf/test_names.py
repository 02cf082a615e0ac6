"""One edit, one name."""

import pytest

from ids.config.names import name_of


@pytest.mark.parametrize(
    ("method", "fpr", "name"),
    [
        ("sds", "none", "sds"),
        ("sds", "released", "sds+released"),
        ("dds", "none", "dds"),
        ("dds", "released", "ids"),
        ("ids", "released", "ids"),
        ("ids", "none", "dds"),
        ("ids", "polyak", "ids+polyak"),
        ("dds", "polyak", "ids+polyak"),
        ("cds", "released", "ids_cut"),
        ("cds", "squared", "ids_cut+squared"),
        ("ids_cut", "none", "cds"),
        ("pds", "noise", "pds+noise"),
        ("dds_and_back", "none", "dds_and_back"),
        ("dds_and_back", "released", "ids_and_back"),
        ("ids_and_back", "polyak", "ids_and_back+polyak"),
        ("null_edit", "none", "null_edit"),
        ("true_edit", "polyak", "true_edit"),
    ],
)
def test_a_method_on_refined_noise_has_one_name(method: str, fpr: str, name: str) -> None:
    assert name_of(method, fpr) == name
