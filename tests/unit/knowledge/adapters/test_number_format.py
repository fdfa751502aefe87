"""Numbers and dates read as the format code of their cell shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.knowledge.adapters.number_format import shown


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (1234.5, "", "1234.5"),
        (1234.0, "General", "1234"),
        (0.1 + 0.2, "General", "0.3"),
        (4012345678901.0, "General", "4012345678901"),
        (1234.5, "0", "1235"),
        (2.675, "0.00", "2.68"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (0.1234, "0.0%", "12.3%"),
        (0.5, "0%", "50%"),
        (7.0, "000", "007"),
        (1.5, "0.##", "1.5"),
        (2.0, "0.##", "2"),
        (1234.0, '"$"#,##0.00', "$1,234.00"),
        (-1234.0, '"$"#,##0.00_);[Red]("$"#,##0.00)', "-$1,234.00"),
        (99.0, "[$€-407] #,##0.00", "€ 99.00"),
        (99.0, "#,##0.00 [$€-407]", "99.00 €"),
        (3.0, '0 "days"', "3 days"),
        (1_500_000.0, '0.0,,"M"', "1.5M"),
        (12345.0, "0.00E+00", "1.23E+4"),
        (0.0, '0;-0;"none"', "none"),
        (5.0, ";;;", ""),
        (-0.001, "0.0", "0.0"),
        (45356.0, "yyyy-mm-dd", "2024-03-05"),
        (45356.0, "m/d/yyyy", "2024-03-05"),
        (45356.0, "[$-409]d\\-mmm\\-yyyy;@", "2024-03-05"),
        (45356.75, "m/d/yy h:mm", "2024-03-05 18:00"),
        (45356.0, "mmm-yy", "2024-03"),
        (0.75, "h:mm AM/PM", "18:00"),
        (1.5, "[h]:mm", "36:00"),
        (1.0, "dd.mm.yyyy", "1900-01-01"),
        (61.0, "dd.mm.yyyy", "1900-03-01"),
        (-3.0, "yyyy-mm-dd", "-3"),
    ],
)
def test_a_number_reads_as_its_format_shows_it(value, code, text):
    assert shown(value, code) == text


def test_the_date_system_of_old_macintosh_files_begins_in_1904():
    assert shown(0.0, "yyyy-mm-dd", from_1904=True) == "1904-01-01"


@given(
    value=st.floats(-1e307, 1e307, allow_nan=False),
    code=st.text(st.sampled_from('0#?,.%;"\\[]$€-hmsydE+ @_*x/()') | st.characters(), max_size=30),
)
def test_no_number_and_no_code_is_too_strange(value, code):
    assert isinstance(shown(value, code), str)
