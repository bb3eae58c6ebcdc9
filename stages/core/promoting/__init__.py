"""From a candidate to the champion that others use: the gate, the decision, and what becomes of it."""
