"""What was assumed about a set is counted, and said in words."""

from datasets.io.assumptions import added, sentences

AREA = "{n} {person has|people have} no area"


def test_counts_of_several_parts_are_added_and_nothing_is_said_of_nobody() -> None:
    total = added({AREA: 2, "nobody": 0}, {AREA: 3, "both splits share a picture": 1})
    assert total == {AREA: 5, "both splits share a picture": 1}
    assert sentences(total) == ("5 people have no area", "both splits share a picture")
    assert sentences({"nobody": 0}) == ()


def test_words_follow_the_number() -> None:
    assert sentences({AREA: 1}) == ("1 person has no area",)
    assert sentences({AREA: 12345}) == ("12,345 people have no area",)
