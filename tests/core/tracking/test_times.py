"""When a run began and ended, as MLflow is told: trials have their own times, not those of the end of the search."""

from datetime import UTC, datetime

from stages.core.candidates.candidate import Candidate
from stages.core.files import write_json
from stages.core.layout import Layout
from stages.core.tracking.times import span_ms
from stages.core.tracking.trails import Trail


def trail(root, key, parent=None):
    """A candidate, or a trial of one, as far as its times are concerned."""
    return Trail(Candidate(root, {"name": "plain", "key": key}), None, parent)


def test_a_trial_has_the_times_that_the_search_noted(tmp_path):
    """By its number; one of which nothing was noted has none."""
    layout = Layout(tmp_path)
    trials = {"01": {"began": 100.5, "ended": 130.25}, "02": {"began": 130.25, "ended": 200.0}}
    write_json(layout.run_record("search"), {"timing": {"trials": trials}, "finished": "1970-01-01T00:10:00Z"})

    assert span_ms(layout, trail(tmp_path, "search-02", "search")) == (130_250, 200_000)
    assert span_ms(layout, trail(tmp_path, "search-03", "search")) == (None, None)


def test_a_search_began_before_its_trials(tmp_path):
    """Its run lasts as long as the search and the training of its winner together."""
    layout = Layout(tmp_path)
    ended = datetime(2026, 1, 1, tzinfo=UTC)
    timing = {"search_wall_s": 50.0, "train_wall_s": 10.0}
    write_json(layout.run_record("search"), {"timing": timing, "finished": ended.isoformat().replace("+00:00", "Z")})

    began_ms, ended_ms = span_ms(layout, trail(tmp_path, "search"))
    assert (ended_ms - began_ms, ended_ms) == (60_000, ended.timestamp() * 1000)
