"""A page of the explorer, open in Debian's Chromium, beside the recordings that it was made of."""

from page_networks import NETWORKS, STEPS

import tinyconv as tc
from tinyconv.explorer.steps import record_steps


class Opened:
    """A page in a browser, with what it said on the console and what it asked for."""

    def __init__(self, browser, name, folder):
        tc.set_seed(1)
        tc.clear_session()
        model, x, y = NETWORKS[name]()
        self.recordings = record_steps(model, x, y, STEPS)
        self.html = tc.explore(model, x, y, steps=STEPS).html
        self.file = folder / f"{name}.html"
        self.file.write_text(self.html, encoding="utf-8")
        self.page, self.messages, self.requests = opened_file(browser, self.file)


def opened_file(browser, file, **settings):
    """Open a file: its page, and lists that fill with what it says on the console and with what it requests."""
    messages, requests = [], []
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **settings})
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-at='0']")
    return page, messages, requests


def numbers_of(recording, operation, target):
    """The recorded array that a map of an operation shows, None where there is none."""
    output = recording.values[operation.output]
    if target in ("output", "d_output"):
        return output.array if target == "output" else output.gradient
    place = int(target[-1])
    return operation.passed[place] if target.startswith("d_") else recording.values[operation.inputs[place]].array


SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def number_of(text):
    """The number that a text of the page says: "−1.25·10⁻³" is −0.00125."""
    mantissa, _, exponent = text.replace("−", "-").partition("·10")
    return float(mantissa) * 10.0 ** int(exponent.translate(SUPERSCRIPTS) or 0)
