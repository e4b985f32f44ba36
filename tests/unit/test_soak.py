"""What the soak's report is made of: whether memory grows, and pictures."""

from xml.etree import ElementTree

import pytest

from tests.soak.chart import chart
from tests.soak.samples import slope
from tests.soak.trouble import Event


def test_the_slope_of_a_line_is_found_whatever_lies_around_it() -> None:
    assert slope([(float(at), 100 + 0.5 * at + (-1) ** at) for at in range(1000)]) == pytest.approx(0.5, abs=0.001)
    assert slope([(0.0, 7.0), (10.0, 7.0)]) == 0
    assert slope([(3.0, 1.0)]) == slope([]) == 0


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("line", [[], [(0.0, 0.0)], [(0.0, 1.0), (5.0, 1000.0), (1200.0, 0.5)]])
def test_a_picture_is_whole_whatever_was_measured(line: list[tuple[float, float]], *, logarithmic: bool) -> None:
    picture = chart("a < b", {"one & two": line}, [Event("killed", 3, 700)], logarithmic=logarithmic)
    root = ElementTree.fromstring(picture)
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b" in texts
    assert "one & two" in texts
    assert [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")] == ["killed"]
    for place in (
        float(number) for rect in root.iter("{http://www.w3.org/2000/svg}rect") for number in [rect.get("x", "")]
    ):
        assert 0 <= place <= 900
