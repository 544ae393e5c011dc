"""How a person uses a page: with a mouse, or by keyboard alone."""

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 150
FOCUSED = "element => element === document.activeElement"
OUTLINED = """element => [element, element.closest("li")].some(
    (each) => each && getComputedStyle(each).outlineStyle !== "none")"""


class Mouse:
    """Clicks."""

    def __init__(self, page: Page) -> None:
        """Use this page."""
        self.page = page

    def press(self, target: Locator) -> None:
        """Use a link, a button or a checkbox."""
        target.click()

    def enter(self, target: Locator, text: str) -> None:
        """Put a text in a field."""
        target.fill(text)

    def choose(self, target: Locator, option: str) -> None:
        """Choose an option of a list by its label."""
        target.select_option(label=option)


class Keyboard(Mouse):
    """Reaches everything with Tab, and sees where the focus is."""

    def press(self, target: Locator) -> None:
        """Move to a target and press Enter, or the space bar on what Enter does not change."""
        self._reach(target)
        toggles = target.evaluate("element => element.type === 'radio' || element.type === 'checkbox'")
        self.page.keyboard.press("Space" if toggles else "Enter")

    def enter(self, target: Locator, text: str) -> None:
        """Move to a field and type over what it has."""
        self._reach(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def choose(self, target: Locator, option: str) -> None:
        """Move to a list and type the beginning of an option."""
        self._reach(target)
        self.page.keyboard.type(option)

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if target.evaluate(FOCUSED):
                assert target.evaluate(OUTLINED), f"nobody sees that the focus is on {target}"
                return
            self.page.keyboard.press("Tab")
            if (
                self.page.evaluate("document.activeElement.type === 'radio'")
                and target.get_attribute("type") == "radio"
            ):
                while not target.evaluate(FOCUSED):  # one of a group is in the order of Tab, the others beside it
                    self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{target} is not reached with Tab")
