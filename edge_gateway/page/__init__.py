"""A page of the gateway's own, for whoever stands beside the machine: what comes in, what is wrong, what waits."""
