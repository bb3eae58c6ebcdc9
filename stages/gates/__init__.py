"""One file per gate that a candidate passes on its way to champion: found by being here, in the order of PLACE.

`check(contest)` returns an Outcome; it raises Unknown where it can't tell, which counts as failed: nothing is promoted
on evidence that is not there.
"""
