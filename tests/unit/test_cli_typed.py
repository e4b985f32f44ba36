"""Command lines that are being typed."""

import pytest

from chatcli.typed import Typed

BREAKS = " \t\n\"'@><=;|&(:"


@pytest.mark.parametrize(
    ("line", "words", "current"),
    [
        ("", [], ""),
        ("chat_send", [], "chat_send"),
        ("chat_send ", ["chat_send"], ""),
        ("chat_send  ops,new", ["chat_send"], "ops,new"),
        ("send --as o\\'neil\\ x --tag", ["send", "--as", "o'neil x"], "--tag"),
        ("send 'a  b' \"c \\\" d\" ''", ["send", "a  b", 'c " d'], ""),
        ("send '' ", ["send", ""], ""),
        ("send 'not ended", ["send"], "not ended"),
        ("send ends\\", ["send"], "ends"),
        ("send - < rep", ["send", "-", "<"], "rep"),
        ("send - <rep", ["send", "-", "<"], "rep"),
        ("send '<b>' x", ["send", "<b>"], "x"),
        ("send grüße \u200f", ["send", "grüße"], "\u200f"),
    ],
)
def test_a_line_is_read_as_the_shell_reads_it(line: str, words: list[str], current: str) -> None:
    typed = Typed(line, BREAKS)
    assert (typed.words, typed.current) == (words, current)


@pytest.mark.parametrize(
    ("line", "candidate", "insertion"),
    [
        ("send o", "ops", "ops"),
        ("send ", "grüße", "grüße"),
        ("send e", "e\u0301te", "e\u0301te"),
        ("send ops,", "ops,newbox", "ops,newbox"),
        ("send --kind=", "--kind=notice", "notice"),
        ("send --kind=no", "--kind=notice", "notice"),
        ("send --as bob@e", "bob@example.org", "@example.org"),
        ("send --wait seen:", "seen:3", "3"),
        ("send o", "o'neil x", "o\\'neil\\ x"),
        ("send ", "$(reboot);`x`&~", "\\$\\(reboot\\)\\;\\`x\\`\\&\\~"),
        ("send ", "a*?[b]{c}#!\\", "a\\*\\?\\[b\\]\\{c\\}\\#\\!\\\\"),
        ("send '", "$(reboot)", "$(reboot)"),
        ('send "', "$(reboot) `x` \\", "\\$(reboot) \\`x\\` \\\\"),
        ('send --as="b', "--as=bob@example.org", "bob@example.org"),
    ],
)
def test_a_candidate_is_written_as_the_place_of_the_cursor_wants_it(line: str, candidate: str, insertion: str) -> None:
    assert list(Typed(line, BREAKS).insertions([candidate])) == [insertion]


@pytest.mark.parametrize(("line", "candidate"), [("send '", "o'neil"), ('send "', "hey!"), ("send x", "ops")])
def test_what_cannot_stand_there_is_no_candidate(line: str, candidate: str) -> None:
    assert list(Typed(line, BREAKS).insertions([candidate])) == []
