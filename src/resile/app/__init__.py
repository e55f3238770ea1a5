"""Use cases: the only floor that joins the pure and the impure."""
