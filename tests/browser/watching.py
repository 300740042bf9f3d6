"""Pages that are watched while they are used."""

from pathlib import Path
from typing import Any

NETWORK = "Failed to load resource"
"""What Chromium says of every answer that is an error: asked for, here."""


class Watched:
    """Opens pages, and holds what they asked of others and what they complained of.

    Attributes:
        elsewhere: addresses of other servers that a page asked for; it got nothing.
        complaints: errors and refused contents, as the console has them.
    """

    def __init__(self, browser: Any, address: str) -> None:
        self._browser, self.address = browser, address
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        self._contexts: list[Any] = []

    def page(self, path: str = "/", **how: Any) -> Any:
        """A page of its own context, opened; `how` as playwright's `new_context`."""
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | how)
        self._contexts.append(context)
        context.route("**/*", self._route)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.address + path)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        assert self.elsewhere == []
        assert self.complaints == []

    def _route(self, route: Any) -> None:
        url = route.request.url
        if url.startswith((self.address + "/", "data:", "blob:")):
            route.continue_()
        else:
            self.elsewhere.append(url)
            route.abort()

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(NETWORK):
            self.complaints.append(message.text)


def file(name: str, content: bytes) -> dict[str, Any]:
    """A file to give to an input."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def give(page: Any, *files: dict[str, Any] | Path) -> None:
    """Choose files in the page's form and ask; returns when the answer is there."""
    page.set_input_files("#files", list(files))
    with page.expect_response(lambda one: one.request.method == "POST"):
        page.click("form.ask button")
    page.wait_for_selector("#progress", state="hidden")


def overflow(page: Any) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
