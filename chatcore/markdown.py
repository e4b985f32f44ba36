"""A `markdown` message as HTML that is safe to put into a page: CommonMark with tables and strikethrough.

Markup within the text stays text. Images become links, so that reading a message asks nobody else for anything.
"""

from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

#: Characters; parsing may take the square of it.
LONGEST = 10_000
#: Characters of HTML: a short text can name a long address a thousand times.
_LONGEST_HTML = 100_000
#: Lines times columns: each row of a table is filled up to the width of its head.
_MOST_CELLS = 10_000

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a"),
}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_SCHEMES = {"http", "https"}
_REL = "noopener noreferrer nofollow ugc"


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802  markdown-it's name
        """Only what leads to a page, whole: an address without its host would lead somewhere in this site."""
        return url.lower().startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def _image(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """A link to the image, under what it is said to show."""
    address = str(tokens[index].attrs.get("src", ""))
    label = self.renderInlineAsText(tokens[index].children, options, env) or address
    return f'<a href="{nh3.clean_text(address)}">{nh3.clean_text(label)}</a>'


_markdown = _Markdown("commonmark", {"html": False}).enable(["table", "strikethrough"])
_markdown.add_render_rule("image", _image)
#: What is opened at this level has nothing in it any more.
_DEEPEST = int(_markdown.options["maxNesting"]) - 1


@lru_cache(maxsize=512)
def html_of(text: str) -> str | None:
    """The text as sanitised HTML; None if it is better shown as it is: either is too long, or the HTML would lose the
    text (too deep a nesting, nothing but definitions of links). Kept for a while: a message is read by many.
    """
    lines = text.replace("\r", "\n").split("\n")
    if len(text) > LONGEST or len(lines) * max(line.count("|") for line in lines) > _MOST_CELLS:
        return None
    env: EnvType = {}
    tokens = _markdown.parse(text, env)
    if any(token.level >= _DEEPEST for token in tokens):
        return None  # the parser leaves out what lies deeper
    html = str(_markdown.renderer.render(tokens, _markdown.options, env))
    if not html or len(html) > _LONGEST_HTML:
        return None
    return nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel=_REL)
