"""Looks at the gateway's page in a real Chromium, as a person would; run where Playwright is.

    python visit.py URL TOKEN FOLDER

Prints a line of JSON for each thing seen, and waits for a line on stdin where the plant has to do something first.
Leaves pictures in FOLDER: wide in light and dark, and on a phone.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

# Ratio of contrast of every visible text on its ground (WCAG 2.2, 1.4.3; relative luminance as defined there).
CONTRAST = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].filter((child) => child.nodeType === 3);
    const text = own.map((child) => child.data).join("").trim();
    if (!text || !node.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, text];
  }
  return worst;
}
"""


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def wait_for_plant() -> str:
    return sys.stdin.readline().strip()


def main(url: str, token: str, folder: Path) -> None:
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url)
        page.locator("#link", has_text="● live").wait_for()
        page.wait_for_selector("#tags tr")
        values(page)
        alarm(page, token)
        uplink(page)
        pictures(browser, page, url, folder)
        say(seen="end", wrong=wrong)
        browser.close()


def values(page: Page) -> None:
    """A live value changes, with its unit, quality and age beside it."""
    cell = page.locator("[data-tag='pump-1/flow'] .value")
    first = cell.inner_text()
    then = first
    for _ in range(100):
        if (then := cell.inner_text()) != first:
            break
        page.wait_for_timeout(200)
    say(seen="value", first=first, then=then, row=page.locator("[data-tag='pump-1/flow']").inner_text())
    page.wait_for_selector("figure[data-asset='pump-1']")


def alarm(page: Page, token: str) -> None:
    """One appears, and is acknowledged: refused with a wrong token, taken with the right one."""
    item = page.locator("[data-alarm='pump-1/flow.H']")
    item.wait_for(timeout=60_000)
    say(seen="alarm", text=item.inner_text(), state=item.get_attribute("data-state"))
    item.get_by_role("button", name="Acknowledge").click()
    page.fill("#ask-by", "kim")
    page.fill("#ask-comment", "<b>seen</b>")
    page.fill("#ask-token", "wrong")
    page.click("#ask-send")
    page.locator("#ask-error", has_text="token").wait_for()
    say(seen="refused", text=page.inner_text("#ask-error"))
    page.fill("#ask-token", token)
    page.click("#ask-send")
    page.wait_for_selector("[data-alarm='pump-1/flow.H'][data-state='ACKED']", timeout=60_000)
    say(seen="acknowledged", text=item.inner_text())


def uplink(page: Page) -> None:
    """It goes down, and the page says so."""
    say(seen="up", text=page.inner_text("#targets"))
    wait_for_plant()
    page.locator("#targets", has_text="down").wait_for(timeout=60_000)
    say(seen="down", text=page.inner_text("#targets"))


def pictures(browser: object, page: Page, url: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, scheme, width in (("light", "light", 1280), ("dark", "dark", 1280), ("phone", "light", 390)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        page.wait_for_selector("#tags tr")
        page.wait_for_selector("figure[data-asset='pump-1']")
        ratio, text = page.evaluate(CONTRAST)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        page.screenshot(path=str(folder / f"page-{name}.png"), full_page=True)
        say(seen="picture", name=name, contrast=ratio, text=text, too_wide=wide)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
