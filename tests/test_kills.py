"""What benchmarks/kills.py is going to kill."""

from collections import Counter

from benchmarks import kills


def test_the_plan_kills_every_node_and_is_the_same_each_time():
    """Fifteen times through DVC, each node at least once alone and after it has begun; nothing is left to chance."""
    plan = kills.planned(15, 35, seed=1)
    alone = Counter(kill.title for kill in plan if not kill.through_dvc)

    assert plan == kills.planned(15, 35, seed=1) and [kill.number for kill in plan] == list(range(50))
    assert sum(kill.through_dvc for kill in plan) == 15 and alone.total() == 35
    assert set(alone) == set(kills.OUTS)
    for node in kills.OUTS:
        assert any(kill.title == node and 1 / 3 < kill.share < 1 for kill in plan)
    assert {kill.signal.name for kill in plan} == {"SIGKILL", "SIGTERM"}
    assert {kill.target for kill in plan} == {"dvc", "stage", "group"}
