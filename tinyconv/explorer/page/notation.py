"""MathML from formulas in plain notation, as operations have them: "y[n,k] = Σ_{j} x[n,j]·w[j,k]".

What is understood, beside letters, numbers, operators and words:

    x[i,j]          indices, if the bracket follows at once        x_{i}   x^{2}   x₁   eˣ    below and above
    Σ_{i} …         a sum over i, also "Σ … over i, j"             √(…)   √x                   a root
    {…}/{…}         a fraction                                     x̂  x̃                       a hat, a tilde
"""

import re
from xml.sax.saxutils import escape

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ˣʸᵇᵀ", "0123456789−+xybT", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢ", "0123456789i", strict=True))
ACCENTS = {"\u0302": "^", "\u0303": "~"}  # over the letter before
# Words that are names in a formula; all others are prose.
FUNCTIONS = {"ln", "max", "mean", "min", "sign", "softmax", "tanh"}
NAMES = {
    *FUNCTIONS,
    *("ceiling", "cells", "class", "count", "dscale", "dshift", "high", "index", "label", "low", "rate", "scale"),
    *("shift", "slope", "stddev", "threshold", "ties", "value"),
}
LETTER = r"[^\W\d_⁰-₟¹²³½ˣʸᵇᵀᵢ]"
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<sum>Σ)|(?P<number>\d+(?:\.\d+)?)"
    rf"|(?P<word>{LETTER}(?:{LETTER}|\d)*[\u0302\u0303]?′?)"
    rf"|(?P<above>[{''.join(SUPERSCRIPTS)}]+)|(?P<below>[{''.join(SUBSCRIPTS)}]+)"
    r"|(?P<mark>[_^](?=\{))|(?P<other>\+=|.)"
)
CLOSING = {"{": "}", "[": "]", "(": ")"}


def mathml(formula: str) -> str:
    """Return a formula as one element `math`."""
    named = re.sub(r"Σ ([^;]*?) over ((?:\w, )*\w)(?=$|;)", r"Σ_{\2} \1", formula)
    return f'<math xmlns="{NAMESPACE}" display="block">{_Reader(named).row()}</math>'


class _Reader:
    """Reads a formula from the left to the right."""

    def __init__(self, formula: str) -> None:
        self.tokens = [(str(match.lastgroup), match.group()) for match in TOKEN.finditer(formula)]
        self.place = 0

    def row(self, end: str = "") -> str:
        """Return all up to the token `end`, which is passed over, as one element."""
        parts: list[str] = []
        after_space = True
        while self.place < len(self.tokens) and self.tokens[self.place][1] != end:
            kind, text = self.tokens[self.place]
            attached = bool(parts) and not after_space
            after_space = kind == "space"
            if kind == "space":
                self.place += 1
            elif kind in ("above", "below") and attached:
                self.place += 1
                table, tag = (SUPERSCRIPTS, "msup") if kind == "above" else (SUBSCRIPTS, "msub")
                inner = _Reader("".join(table[each] for each in text)).row()
                parts.append(f"<{tag}>{parts.pop()}{inner}</{tag}>")
            elif kind == "mark" and attached:
                self.place += 2
                sum_over = parts[-1] == _operator("Σ")
                tag = "munder" if sum_over else "msub" if text == "_" else "msup"
                parts.append(f"<{tag}>{parts.pop()}{self.row('}')}</{tag}>")
            elif text == "[" and attached and parts[-1].startswith("<mi"):
                self.place += 1
                parts.append(f"<msub>{parts.pop()}{self.row(']')}</msub>")
            elif text == "/" and attached and self._next() == "{" and parts[-1].startswith("<mrow"):
                self.place += 2
                parts.append(f"<mfrac>{parts.pop()}{self.row('}')}</mfrac>")
            else:
                parts.append(self.atom())
        self.place += 1
        return f"<mrow>{''.join(parts)}</mrow>" if len(parts) != 1 else parts[0]

    def atom(self) -> str:
        """Return the next letter, number, operator, group, root, or run of words."""
        kind, text = self.tokens[self.place]
        if kind == "word" and not _is_name(text):
            return self.prose()
        self.place += 1
        if text == "√":
            return self.root()
        if text == "{":
            row = self.row("}")
            return row if row.startswith("<mrow") else f"<mrow>{row}</mrow>"
        if text in ("(", "["):
            return f"<mrow>{_operator(text)}{self.row(CLOSING[text])}{_operator(CLOSING[text])}</mrow>"
        if kind == "word":
            return _identifier(text) + ("<mspace width='0.2em'/>" if self._applied(text) else "")
        return f"<mn>{text}</mn>" if kind == "number" or text == "½" else _operator(text)

    def root(self) -> str:
        """Return the root of what comes next, in brackets or not."""
        if self.place < len(self.tokens) and self.tokens[self.place][1] in ("(", "{"):
            end = CLOSING[self.tokens[self.place][1]]
            self.place += 1
            return f"<msqrt>{self.row(end)}</msqrt>"
        return f"<msqrt>{self.atom()}</msqrt>"

    def prose(self) -> str:
        """Return the words that come next, up to what is no word."""
        words = []
        while self.place < len(self.tokens):
            kind, text = self.tokens[self.place]
            if kind != "space" and (kind != "word" or (_is_name(text) and not (text == "a" and self._article()))):
                break
            if kind == "word":
                words.append(text)
            self.place += 1
        return f"<mtext>\u00a0{escape(' '.join(words))}\u00a0</mtext>"

    def _article(self) -> bool:
        """Return whether the letter a is a word: it is, before another one."""
        ahead = self.tokens[self.place + 2 :][:1]
        return self._next() == " " and bool(ahead) and ahead[0][0] == "word" and not _is_name(ahead[0][1])

    def _applied(self, name: str) -> bool:
        """Return whether the name just passed is that of a function, applied to what follows without brackets."""
        return name in FUNCTIONS and self.tokens[self.place : self.place + 1] == [("space", " ")]

    def _next(self) -> str:
        return self.tokens[self.place + 1][1] if self.place + 1 < len(self.tokens) else ""


def _is_name(word: str) -> bool:
    """Return whether a word is a name: a letter, the gradient of one, or one of NAMES."""
    bare = word.rstrip("′\u0302\u0303")
    return len(bare) == 1 or bare in NAMES or (bare[0] == "d" and len(bare) == 2)


def _identifier(word: str) -> str:
    for accent, sign in ACCENTS.items():
        if accent in word:
            return f"<mover><mi>{escape(word.replace(accent, ''))}</mi><mo>{sign}</mo></mover>"
    return f"<mi>{escape(word)}</mi>"


def _operator(sign: str) -> str:
    return '<mo movablelimits="false">∑</mo>' if sign == "Σ" else f"<mo>{escape(sign)}</mo>"
