"""How the live view shares rows and columns: never more than there is, never nothing for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rediacc.cli.top.sharing import Wish, column_widths, share_rows

_WISHES = st.lists(st.builds(Wish, st.integers(1, 120), st.just(1)), min_size=1, max_size=6)


@given(st.integers(0, 80), _WISHES, st.integers(0, 5))
def test_rows_are_all_given_away_and_each_panel_keeps_its_title(
    available: int, wishes: list[Wish], chosen: int
) -> None:
    favourite = chosen % len(wishes)
    heights = share_rows(available, wishes, favourite=favourite)
    assert sum(heights) == available
    assert min(heights) >= min(1, available // len(wishes))
    if available >= sum(min(wish.wanted, 3) for wish in wishes):
        assert all(
            height >= min(wish.wanted, 3) for height, wish in zip(heights, wishes, strict=True)
        )


def test_panel_that_is_looked_at_grows_first_and_the_others_stay_readable() -> None:
    wishes = [Wish(102), Wish(12), Wish(30), Wish(9), Wish(3), Wish(4)]
    assert share_rows(20, wishes, favourite=0) == [5, 3, 3, 3, 3, 3]
    assert share_rows(20, wishes, favourite=1) == [3, 5, 3, 3, 3, 3]
    assert share_rows(60, wishes, favourite=1)[1] == 12
    assert share_rows(4, wishes, favourite=5) == [1, 1, 1, 0, 0, 1]


@given(
    st.lists(st.tuples(st.integers(1, 90), st.booleans()), min_size=1, max_size=8),
    st.integers(0, 200),
)
def test_columns_never_take_more_than_there_is(
    columns: list[tuple[int, bool]], available: int
) -> None:
    natural = [size for size, _rest in columns]
    widths = column_widths(
        natural, flexible=[flag for _rest, flag in columns], available=available, gap=2
    )
    shown = [width for width in widths if width]
    # The first one stays, even where it has to be cut.
    if len(shown) > 1:
        assert sum(shown) + 2 * (len(shown) - 1) <= available
    assert all(width <= size for width, size in zip(widths, natural, strict=True))


def test_column_that_needs_less_leaves_the_rest_to_the_others() -> None:
    widths = column_widths([4, 10, 60], flexible=[False, True, True], available=50, gap=2)
    assert widths == [4, 10, 32]
    # At the end columns give way, whole.
    assert column_widths([4, 10, 9], flexible=[False] * 3, available=17, gap=2) == [4, 10, 0]
