"""Parts of documents that are made from results: what stands between <!-- name --> and <!-- /name -->."""

import re
from collections.abc import Mapping


def fill_marks(text: str, parts: Mapping[str, str]) -> str:
    """Put each part between its marks, in place of what stands there."""
    return re.sub(
        r"(<!-- ([a-z]+) -->\n).*?(<!-- /\2 -->)",
        lambda match: f"{match[1]}{parts[match[2]]}\n{match[3]}",
        text,
        flags=re.S,
    )
