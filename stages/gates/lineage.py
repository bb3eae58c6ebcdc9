"""lineage: an audit of the candidate finds nothing that disagrees, and nothing unknown but what may be."""

from stages.core.auditing.finding import ALARM, UNKNOWN
from stages.core.promoting.contest import Contest
from stages.core.promoting.outcome import Outcome, judged

PLACE = 20
OF_ANOTHER = "alias"  # whom the registry names, not how this candidate came to be; `better` compares with that one


def check(contest: Contest) -> Outcome:
    """Audit. An alarm always fails; what is unknown fails too, but for the links that the limits name."""
    verdicts = [one for one in contest.audit() if one.link != OF_ANOTHER]
    allowed = contest.limits.lineage.may_be_unknown
    alarms = {one.link: one.said[0] for one in verdicts if one.verdict == ALARM}
    unknown = {one.link: one.said[0] for one in verdicts if one.verdict == UNKNOWN}
    unproven = {link: said for link, said in unknown.items() if link not in allowed}
    told = [f"{link} raises an alarm: {said}" for link, said in alarms.items()]
    told += [f"{link} is unknown: {said}" for link, said in unproven.items()]
    n_ok = len(verdicts) - len(alarms) - len(unknown)
    let = (
        f"; unknown, and may be: {', '.join(sorted(unknown.keys() - unproven.keys()))}" if not told and unknown else ""
    )
    reason = f"{n_ok} of {len(verdicts)} links of the audit are ok{let}"
    return judged(not told, "; ".join([*told, reason]), alarms=alarms, unknown=unknown, n_links=len(verdicts))
