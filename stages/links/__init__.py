"""One file per link of the chain from a model back to its images: found by being here, in the order of PLACE.

`check(audited, found)` holds two things against each other and returns what to say when they agree. It raises Unknown
where it can't tell.
"""
