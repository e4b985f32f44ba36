"""Text that tries to do something to a terminal, or to pass for what it is not."""

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear screen": "\x1b[2J\x1b[H",
    "clipboard (OSC 52)": "\x1b]52;c;ZXZpbA==\x07",
    "link (OSC 8)": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "window title": "\x1b]0;owned\x07",
    "C1 CSI": "\x9b31mred",
    "C1 OSC": "\x9d52;c;ZXZpbA==\x9c",
    "carriage return": "harmless\rsystem! rewritten",
    "backspaces": "harmless\b\b\b\b\b\b\b\bevil",
    "bell": "\a\a\a",
    "delete": "x\x7f\x7fy",
    "bidi override": "\u202egnp.exe\u202c",
    "bidi isolate": "\u2066x\u2069",
    "line separator": "a\u202806:15:02 newbox #43 admin: fake",
    "paragraph separator": "a\u202906:15:02 newbox #43 admin: fake",
    "next line": "a\x8506:15:02 newbox #43 admin: fake",
    "form feed and vertical tab": "a\f\vb",
    "shift out": "\x0e\x0f",
    "a thousand combining marks": "z" + "\u0301" * 1000,
    "another record": "hello\n06:15:02 newbox #43 admin: fake",
    "another record after blank lines": "hello\n\n\n06:15:02 newbox #43 admin: fake",
    "markup": "[bold red]x[/] [link=http://evil.example]y[/link] [/nonsense]",
    "emoji name": ":smile: :warning:",
    "formats": "%s %(message)s {0} {message} {{7*7}} $(reboot) `reboot` <img src=x onerror=alert(1)>",
}

#: What may never reach a terminal or a log as it is.
FORBIDDEN = [
    *map(chr, (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))),
    *map(chr, (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))),
]
