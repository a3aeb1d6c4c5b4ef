"""Functions of torch that have no row of their own: the list of them, and what a call computes."""
