"""report.html in a real browser: headless Chromium, driven by Playwright."""

import re
import shutil
from pathlib import Path

import pytest

import smoothie
from experiments.benchmarks.page import BROWSERS, measure, report, write_page
from smoothie.cli import main
from smoothie.problem import Input, assemble
from tests.test_page import HOSTILE, NAMES, Page, hostile_problem

pytestmark = pytest.mark.slow
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Tab:
    """A page that was opened from disk, and what it complained about or asked for."""

    def __init__(self, browser, path: Path, **settings) -> None:
        self.path, self.wrong, self.asked = path, [], []
        self.tab = browser.new_page(**settings)
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on("console", lambda message: self.wrong.append(message.text))
        self.tab.on("dialog", lambda dialog: (self.wrong.append("dialog"), dialog.dismiss()))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.open()

    def open(self, fragment: str = "") -> None:
        self.tab.goto("about:blank")
        self.wrong.clear()
        self.asked.clear()
        self.tab.goto(self.path.as_uri() + fragment)
        self.tab.wait_for_selector("body[data-ready]")

    def text(self, selector: str) -> str:
        return self.tab.locator(selector).text_content()

    def texts(self, selector: str) -> list[str]:
        return self.tab.locator(selector).all_text_contents()

    def count(self) -> int:
        """How many inputs are listed."""
        return int(re.match(r"[\d,]+", self.text("#count"))[0].replace(",", ""))

    def choose(self, name: str, value: str) -> None:
        self.tab.select_option(f"#{name}", value)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def opened(self) -> str:
        """Id of the open input."""
        return self.text("#detail h3")

    def until(self, selector: str, text: str | re.Pattern) -> None:
        """Wait for the text of an element."""
        from playwright.sync_api import expect

        expect(self.tab.locator(selector)).to_have_text(text)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "demo"
    assert main(["demo", "-o", str(folder)]) == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def data(written) -> Page:
    return Page(written.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shared_tab(browser, written) -> Tab:
    return Tab(browser, written)


@pytest.fixture
def tab(shared_tab) -> Tab:
    """The demo's page, just opened."""
    shared_tab.open()
    return shared_tab


def array(data: Page, name: str, kind: str):
    import numpy as np

    return np.frombuffer(data.block(name), kind)


def chosen(data: Page, method: str):
    """The method's choices, by the file."""
    names = [entry["name"] for entry in data.content["methods"]]
    return array(data, "choices", "<u2").reshape(len(names), -1)[names.index(method)]


def test_it_opens_without_errors_and_asks_for_nothing(tab):
    assert tab.wrong == []
    assert [url for url in tab.asked if not url.startswith("data:")] == [tab.path.as_uri()]
    assert tab.count() == 240
    assert "better than random choice" in tab.text(".headline")
    assert len(tab.texts("figure canvas")) == 4  # three methods with weights, and score against k


def test_a_click_on_a_heading_sorts(tab, data):
    by_score = sorted(data.content["table"], key=lambda row: -row["score"])
    tab.tab.click(".results th:has-text('Score') button")
    assert tab.texts(".results tbody th bdi") == [row["name"] for row in by_score]
    tab.tab.click(".results th:has-text('Score') button")
    assert tab.texts(".results tbody th bdi")[0] == by_score[-1]["name"]
    tab.tab.click(".results th:has-text('Gap closed') button")
    assert tab.texts(".results tbody th bdi")[0] == "oracle"
    assert tab.texts(".results tbody th bdi")[-1] == "random"  # it has none
    tab.tab.click(".results th:has-text('Method') button")
    assert tab.texts(".results tbody th bdi")[:2] == ["bare", "best_single"]


def test_filters_keep_what_they_say(tab, data):
    inputs, candidates = len(data.json("index")["ids"]), len(data.content["candidates"])
    scores = array(data, "scores", "<f4").reshape(inputs, candidates)
    choice, right, wrong = chosen(data, "smoothie_local"), 0, 0
    for row, j in zip(scores, choice, strict=True):
        worse, better = sum(row < row[j]), sum(row > row[j])
        right += better == 0 and 2 * worse > candidates
        wrong += 2 * better > candidates
    tab.choose("method", label_of(data, "smoothie_local"))
    tab.choose("filter", "right")
    assert tab.count() == right > 0
    tab.choose("filter", "wrong")
    assert tab.count() == wrong > 0
    methods = ("smoothie_global", "smoothie_local", "consensus")
    several = [chosen(data, name) for name in methods]
    tab.choose("filter", "disagree")
    assert tab.count() == sum(len({*row}) > 1 for row in zip(*several, strict=True))
    tab.choose("filter", "all")
    tab.choose("task", "1")
    assert tab.count() == data.json("index")["tasks"].count(1)
    tab.choose("task", "")
    tab.choose("to", "2")
    assert tab.count() == sum(choice == 2)


def label_of(data: Page, method: str) -> str:
    return str([entry["name"] for entry in data.content["methods"]].index(method))


def test_the_lowest_confidence_comes_first(tab, data):
    inputs, candidates = len(data.json("index")["ids"]), len(data.content["candidates"])
    support = array(data, "support", "<f4").reshape(inputs, candidates)
    own = support[range(inputs), chosen(data, "consensus")]
    tab.choose("order", "unsure")
    assert tab.text("#row0 .id") == data.json("index")["ids"][own.argmin()]
    tab.choose("order", "sure")
    assert tab.text("#row0 .id") == data.json("index")["ids"][own.argmax()]


@pytest.mark.parametrize("words", ["tokyo", "The answer", "no such words"])
def test_search_finds_every_text_with_the_words(tab, data, words):
    ids = data.json("index")["ids"]
    expected = sum(
        any(words.lower() in text.lower() for text in (key, shown, *references, *answers))
        for key, (shown, references, answers) in zip(ids, data.texts, strict=True)
    )
    tab.press("/")
    tab.tab.keyboard.type(words)
    tab.until("#count", re.compile(r"^\d+ of 240 inputs$"))
    assert tab.count() == expected
    tab.press("Escape")
    tab.until("#count", "240 inputs")


def test_an_input_shows_all_answers_who_chose_them_and_what_differs(tab, data):
    place = 7
    tab.tab.click(f"#row{place}")
    tab.tab.wait_for_selector(".answer")
    names, (shown, references, answers) = data.content["candidates"], data.texts[place]
    assert tab.opened() == data.json("index")["ids"][place]
    assert tab.text("#detail .input") == shown
    assert tab.texts(".references .text") == references
    cards = tab.texts(".answer header bdi")
    assert sorted(cards) == sorted(names)
    assert cards[0] == names[chosen(data, "consensus")[place]]
    support = array(data, "support", "<f4").reshape(-1, len(names))[place]
    by_support = [support[names.index(name)] for name in cards[1:]]
    assert by_support == sorted(by_support, reverse=True)
    assert tab.texts(".answer .text") == [answers[names.index(name)] for name in cards]
    for card, name in enumerate(cards):
        who = tab.tab.locator(".answer").nth(card).locator(".who").all_text_contents()
        methods = [m["name"] for m in data.content["methods"] if m["kind"] != "random"]
        assert who == [m for m in methods if names[chosen(data, m)[place]] == name]
    tab.press("m")  # with what they lack, each holds all words of the compared text as well
    tab.tab.wait_for_selector(".answer del")
    base = answers[names.index(cards[0])]
    for card in range(1, len(cards)):
        parts = tab.tab.locator(".answer .text").nth(card)
        own, without = (parts.evaluate(WITHOUT, tag) for tag in ("DEL", "INS"))
        assert own == answers[names.index(cards[card])]
        assert "".join(without.split()) == "".join(base.split())


WITHOUT = """(element, tag) => [...element.childNodes].filter((node) => node.tagName !== tag)
    .map((node) => node.textContent).join("")"""


def test_everything_can_be_done_by_keys(tab, data):
    ids = data.json("index")["ids"]
    tab.press("j", "j", "k")
    tab.tab.focus("#list")
    tab.press("ArrowDown", "Enter")
    tab.tab.wait_for_selector(".answer")
    assert tab.opened() == ids[2]
    tab.press("j")
    tab.until("#detail h3", ids[3])
    tab.press("2")
    second = tab.texts(".answer header bdi")[1]
    tab.until(".compare bdi", second)
    assert tab.tab.locator(".base[aria-pressed=true]").count() == 1
    tab.press("?")
    assert tab.tab.locator("#help").is_visible()
    tab.press("Escape")
    assert not tab.tab.locator("#help").is_visible()
    tab.press("Escape")
    assert not tab.tab.locator("#detail").is_visible()
    tab.press("End")
    assert tab.text(".row.current .id") == ids[-1]


def test_a_link_opens_an_input(tab, data):
    last = data.json("index")["ids"][-1]
    tab.open(f"#input={last}")
    tab.tab.wait_for_selector(".answer")
    assert tab.opened() == last


def test_only_rows_in_sight_are_in_the_document(tab):
    assert tab.tab.locator(".row").count() < 40


def test_views_of_shares_and_of_agreement(tab, data):
    sent = data.content["sent"]
    tab.tab.select_option("#sent-view", "t1")
    cells = tab.texts("#sent-table tbody tr:first-child td")
    counts = sent["counts"][0][1]
    assert cells == [f"{int(100 * count / sum(counts) + 0.5)}%" for count in counts]
    tab.tab.select_option("#sent-view", "m0")
    assert tab.texts("#sent-table tbody th bdi") == sent["tasks"]
    agreement = data.content["agreement"]
    names = [data.content["candidates"][j] for j in agreement["order"]]
    assert tab.texts("#agreement-candidates tbody th bdi") == names
    tab.tab.select_option("#agreement-view", "distances")
    i, j = agreement["order"][:2]
    cell = tab.text("#agreement-candidates tbody tr:first-child td:nth-child(3)")
    assert float(cell) == pytest.approx(agreement["distances"][i][j], abs=0.006)


def test_a_share_leads_to_its_inputs(tab, data):
    sent = data.content["sent"]
    tab.tab.select_option("#sent-view", "t1")
    method, candidate = sent["methods"].index("consensus"), 2
    count = int(sent["counts"][method][1][candidate])
    tab.tab.click(
        f"#sent-table tbody tr:nth-child({method + 1}) td:nth-child({candidate + 2}) button"
    )
    assert tab.count() == count > 0
    assert set(tab.texts(".row .chip")) == {data.content["candidates"][candidate]}


def test_what_was_searched_for_is_marked(tab):
    tab.tab.fill("#search", "tokyo")
    tab.until("#count", re.compile("of 240"))
    tab.tab.click("#row0")
    tab.tab.wait_for_selector(".answer")
    marked = "[...CSS.highlights.get('found')].map((range) => range.toString().toLowerCase())"
    assert set(tab.tab.evaluate(marked)) == {"tokyo"}


def test_a_file_that_was_cut_short_says_so(browser, written, tmp_path):
    """As after a download that broke off: all that is there is shown."""
    whole = written.read_text(encoding="utf-8")
    path = tmp_path / "short.html"
    path.write_text(whole[: whole.index('id="choices"') + 200], encoding="utf-8")
    tab = browser.new_page()
    tab.goto(path.as_uri())
    tab.wait_for_selector("#count >> text=The inputs cannot be read")
    assert tab.locator(".results tbody tr").count() == 12
    tab.close()


def test_a_narrow_screen_has_all_of_it(browser, written):
    narrow = Tab(browser, written, viewport={"width": 390, "height": 844})
    assert narrow.tab.evaluate("document.documentElement.scrollWidth") <= 390
    narrow.tab.click("#row0")
    narrow.tab.wait_for_selector(".answer")
    box = narrow.tab.locator("#detail").bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    narrow.tab.click("[aria-label^='next input']")
    narrow.until("#detail h3", "qa_001")
    assert narrow.wrong == []
    narrow.tab.close()


def test_dark_and_paper(browser, written):
    dark = Tab(browser, written, color_scheme="dark")
    color = "getComputedStyle(document.body)"
    lightness = (
        f"{color}.backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3"
    )
    assert dark.tab.evaluate(lightness) < 60
    dark.tab.emulate_media(media="print", color_scheme="dark")
    assert dark.tab.evaluate(lightness) > 240
    assert not dark.tab.locator("#inputs").is_visible()
    assert dark.tab.locator(".results").is_visible()
    assert dark.wrong == []
    dark.tab.close()


def test_hostile_texts_do_nothing(browser, tmp_path):
    path, problem = tmp_path / "hostile.html", hostile_problem()
    path.write_text(smoothie.route(problem, encoder=None).page(), encoding="utf-8")
    tab = Tab(browser, path)
    for place in (0, 1, 2, 5):
        tab.tab.click(f"#row{place}")
        tab.until("#detail h3", problem.ids[place])
        assert sorted(tab.texts(".answer header bdi")) == sorted(NAMES)
    shown = tab.texts(".answer .text")
    assert all(HOSTILE in text and "{{7*7}}" in text for text in shown)
    tab.tab.click("#row1")
    tab.tab.wait_for_selector(".answer .none >> text=(empty)")
    tab.tab.click("#row2")
    tab.until(".more", "… 6,000 of 1,000,000 characters: show more")
    tab.tab.click(".more")
    tab.until(".more", "… 60,000 of 1,000,000 characters: show more")
    assert tab.tab.evaluate("window.hacked === undefined")
    assert tab.wrong == []
    assert [url for url in tab.asked if not url.startswith("data:")] == [path.as_uri()]


def test_even_markup_that_got_in_could_not_run_or_call_out(tab):
    tab.tab.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 1\">"
        '<a id=bad href="javascript:window.hacked=1">x</a>\')'
    )
    tab.tab.evaluate("document.getElementById('bad').click()")
    refused = "fetch('https://example.org').then(() => 'sent', () => 'refused')"
    assert tab.tab.evaluate(refused) == "refused"
    assert tab.tab.evaluate("window.hacked === undefined")
    assert any("Content Security Policy" in message for message in tab.wrong)


def test_what_differs_is_marked_by_words(browser, tmp_path):
    said = {
        "base": "the red fox jumps over the dog",
        "one": "the blue fox jumps over the dog",
        "two": "红色的狐狸",
        "three": "the red fox jumps",
    }
    names = {name: {"q": text} for name, text in said.items()}
    path = tmp_path / "page.html"
    problem = assemble("words", [Input("q", text="שלום")], names)
    path.write_text(smoothie.route(problem, encoder=None).page(), encoding="utf-8")
    tab = Tab(browser, path)
    tab.tab.click("#row0")
    tab.tab.wait_for_selector(".answer")
    tab.tab.click("[aria-label=base] button.base")
    tab.press("m")
    tab.until(".compare bdi", "base")
    tab.tab.wait_for_selector("del")
    marks = {
        card.locator("header bdi").text_content(): (
            card.locator("ins").all_text_contents(),
            card.locator("del").all_text_contents(),
        )
        for card in tab.tab.locator(".answer").all()
    }
    assert marks["base"] == ([], [])
    assert marks["one"] == (["blue"], ["red"])
    assert marks["two"][0] == ["红色的狐狸"]
    assert marks["three"] == ([], [" over the dog"])
    direction = "getComputedStyle(document.querySelector('#detail .input')).direction"
    assert tab.tab.evaluate(direction) == "rtl"
    assert tab.wrong == []
    tab.tab.close()


def test_without_labels_there_is_nothing_to_filter_by(browser, tmp_path):
    inputs = [Input(f"q{i}") for i in range(5)]
    said = {name: {f"q{i}": f"{name} {i}" for i in range(5)} for name in ("a", "b", "c")}
    path = tmp_path / "page.html"
    path.write_text(smoothie.route(assemble("bare", inputs, said), encoder=None).page())
    tab = Tab(browser, path)
    assert tab.tab.locator("#filter option").count() == 1
    assert not tab.tab.locator("#task").is_visible()
    tab.press("j", "Enter")
    assert tab.wrong == []
    tab.tab.close()


def test_a_sweep_can_be_filtered_and_sorted(browser, tmp_path):
    import pandas as pd

    from smoothie.report.page.of_sweep import page_of_sweep
    from tests.test_page import metrics

    table = pd.concat([metrics("0"), metrics("1", k=5, score=55.0)])
    compared = table[["job", "method"]].assign(
        difference=1.0, difference_low=0.5, difference_high=1.5, gap_closed=20.0
    )
    path = tmp_path / "report.html"
    path.write_text(page_of_sweep(table, compared, {"0"}), encoding="utf-8")
    tab = Tab(browser, path)
    assert tab.text("#rows-count") == "4 of 4 rows"
    tab.tab.fill("#rows-with", "local")
    assert tab.text("#rows-count") == "2 of 4 rows"
    tab.tab.click("th:has-text('Score') button")
    assert tab.texts(".sweep tbody tr:not([hidden]) td:first-child bdi") == ["1", "0"]
    assert tab.texts("#gaps-table tbody td") == ["20%", "20%"]
    assert len(tab.texts("figure canvas")) == 1
    assert tab.wrong == []
    tab.tab.close()


def test_the_benchmark_measures_a_page_of_its_size(browser, tmp_path):
    path = tmp_path / "page.html"
    assert write_page(path, 150) > 0
    tab = Tab(browser, path)
    assert tab.count() == 150
    tab.tab.close()
    found = measure(browser, path)
    assert min(found.values()) > 0
    assert found["frame"] <= found["slow"] <= found["worst"]
    row = report([[150, 1.0, 0.5, *found.values()]], "Chromium").splitlines()[2]
    assert row.split("|")[1].strip() == "150"
