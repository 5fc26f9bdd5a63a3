"""Another configuration while the gateway runs: checked as a whole, then taken over part by part, or not at all.

    supervisor (keeper.py)                 processes (follower.py)
    SIGHUP -> check in a process of its own (trial.py)
           -> DATA/config/in-force.json ----> each looks at it, takes over what concerns it,
                                              and says in its status which generation it runs
           <- status of each --------------- or why it does not: then the old one comes back

The file in the data folder is the configuration in force: a process that is started again reads that, never the file
that somebody may be editing. RELOAD.md beside this room says what happens when which key changes; it is made from
`effects.py`.

Words owned here: configuration in force, generation, part.
"""
