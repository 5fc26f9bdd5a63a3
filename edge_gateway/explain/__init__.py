"""One alarm as a page for people: why it was raised, on what evidence, and what became of it.

`page` puts it together from `words` (sentences), `plot` and `bars` (SVG) and `timeline`; `markup` is the one place
where text becomes HTML. Pure: the same transitions give the same page.
"""

from __future__ import annotations
