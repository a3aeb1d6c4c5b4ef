"""The page that steps through a run, in a browser."""

from pathlib import Path

import pytest
from html_pages import ENTROPY, LESSON, Found, page_of

from graphcalc.drawing.palette import DARK

STATE = "document.documentElement.outerHTML"


def step(page):
    return page.evaluate("+document.querySelector('#slider').value")


def shown(page):
    """The texts in the boxes that are not hidden."""
    return page.evaluate(
        "[...document.querySelectorAll('.box')].map(b => "
        "[...b.querySelectorAll('text:not(.off)')].map(t => t.textContent).join(' '))"
    )


@pytest.mark.parametrize("case", [LESSON, ENTROPY])
def test_every_step_gives_the_same_document_forward_and_back(show, case):
    page = show(page_of(*case))
    forward = [page.evaluate(STATE)]
    count = page.locator("#steps li").count()
    for _ in range(count):
        page.keyboard.press("ArrowRight")
        forward.append(page.evaluate(STATE))
    assert len(set(forward)) == count + 1
    for expected in forward[-2::-1]:
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(STATE) == expected
    for number in (count, 3, count - 1):
        page.evaluate(f"location.hash = '#{number}'")
        page.wait_for_function(f"+document.querySelector('#slider').value == {number}")
        assert page.evaluate(STATE) == forward[number]


def test_values_and_gradients_appear_at_their_steps(show):
    page = show(page_of(*LESSON), "#5")
    assert shown(page) == ["a 2", "b -4", "c -2", "d 2", "e a + b -2", "f c * d", "g e * f"]
    page.keyboard.press("End")
    assert shown(page)[0] == "a 2 dg/da = -4"
    page.keyboard.press("Home")
    assert shown(page) == ["a", "b", "c", "d", "e a + b", "f c * d", "g e * f"]


@pytest.mark.parametrize("case", [LESSON, ENTROPY])
def test_texts_appear_with_the_step_that_has_them(show, case):
    page = show(page_of(*case))
    texts = "[...document.querySelectorAll('svg text')].filter(e => !e.closest('.off'))"
    texts += ".map(e => [e.getAttribute('class').split(' ')[0], e.textContent])"
    before = page.evaluate(texts)
    assert {kind for kind, _ in before} == {"n", "x"}
    for line in page.locator("#steps li").all_inner_texts():
        page.keyboard.press("ArrowRight")
        new = [text for text in page.evaluate(texts) if text not in before]
        before += new
        for kind, text in new:
            name, _, value = text.rpartition(" = ")
            if kind == "l":
                assert line.endswith(value) or f"{name.replace('∂', 'd')} =" in line
            elif kind == "g" and name:
                assert line.startswith(f"{name} ")


def test_edges_are_solid_blue_forward_and_dashed_red_backward(show):
    page = show(page_of(*LESSON), "#9")
    drawn = page.evaluate(
        "[...document.querySelectorAll('.edges path')].map(e => getComputedStyle(e))"
        ".map(s => [s.stroke, s.strokeDasharray])"
    )
    assert drawn[:5] == [["rgb(31, 120, 193)", "none"]] * 5
    assert drawn[5] == ["rgb(163, 35, 31)", "6px, 4px"]


def test_keys_buttons_slider_and_address(show):
    page = show(page_of(*LESSON))
    press = page.keyboard.press
    assert step(page) == 0
    for key, expected in (("ArrowRight", 1), ("End", 14), ("ArrowLeft", 13), ("Home", 0)):
        press(key)
        assert step(page) == expected
    page.click("#next")
    assert page.evaluate("location.hash") == "#1"
    assert page.inner_text("#say") == "Step 1 of 14, forward: a = 2"
    page.fill("#slider", "9")
    assert page.inner_text("#say").startswith("Step 9 of 14, backward: dg/df = e = -2")
    page.focus("#search")
    for key in ("ArrowRight", "Home", " "):
        press(key)
    assert step(page) == 9
    page.click("h1")
    page.click("#steps li >> nth=3")
    assert step(page) == 4


def test_space_plays_and_stops(show):
    page = show(page_of(*LESSON))
    page.clock.install()
    page.keyboard.press(" ")
    assert page.inner_text("#play") == "Pause"
    page.clock.run_for(3000)
    assert step(page) == 2
    page.keyboard.press(" ")
    page.clock.run_for(3000)
    assert step(page) == 2
    page.keyboard.press(" ")
    page.clock.run_for(30000)
    assert (step(page), page.inner_text("#play")) == (14, "Play")


def test_the_graph_is_one_tab_stop_and_arrows_go_along_edges(show):
    page = show(page_of(*LESSON), "#14")

    def name():
        return page.evaluate("document.activeElement.getAttribute('aria-label')")

    page.focus(".box")
    assert name() == "a, 2, dg/da = -4; input"
    for key, expected in (
        *(("ArrowDown", "e"), ("ArrowRight", "f"), ("ArrowUp", "c"), ("ArrowLeft", "b")),
        *(("ArrowUp", "b"), ("ArrowDown", "e"), ("ArrowDown", "g"), ("ArrowDown", "g")),
    ):
        page.keyboard.press(key)
        assert name().partition(",")[0] == expected
    assert step(page) == 14
    assert page.locator(".box[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.inner_text("#facts h2") == "g, result"
    assert name() == "To the start"


def test_pointing_at_a_node_shows_its_facts(show):
    page = show(page_of(*ENTROPY), "#30")
    page.hover(".box >> nth=4")
    facts = page.inner_text("#facts")
    for text in ("c, operation", "exp(b)", "(2, 2) float64", "min 0.13534", "F.cross_entropy"):
        assert text in facts
    page.keyboard.press("Home")
    page.hover("#nodes tbody tr >> nth=4")
    assert "at step 5" in page.inner_text("#facts")


def test_search_hides_rows_and_dims_boxes(show):
    page = show(page_of(*ENTROPY), "#13")
    page.keyboard.press("/")
    page.keyboard.type("SUM(")
    assert page.locator("#nodes tbody tr:visible").count() == 3
    assert page.locator(".box:not(.dim)").count() == 3
    page.keyboard.press("Enter")
    assert page.inner_text("#facts h2") == "d, operation"
    page.keyboard.press("Escape")
    assert page.locator(".dim").count() == 0


def test_zoom_and_pan(show):
    page = show(page_of(*LESSON))

    def view():
        left, top, scale = page.evaluate(
            "(m => [-m.e / m.a, -m.f / m.a, m.a])(document.querySelector('svg > g').getCTM())"
        )
        return [left, top, 1000 / scale]

    whole = view()
    page.keyboard.press("+")
    assert view()[2] == pytest.approx(whole[2] / 1.25, abs=0.2)
    page.click("#out")
    assert view() == pytest.approx(whole, abs=0.2)
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -500)
    page.wait_for_timeout(100)
    assert view()[2] < 500
    near = view()
    page.mouse.down()
    page.mouse.move(200, 260)
    page.mouse.up()
    assert view()[0] > near[0]
    assert view()[1] > near[1]
    page.keyboard.press("0")
    assert view() == whole


def test_folded_boxes_open(show):
    program = "h(x) = x * 2\nf(x) = tanh(h(x) + 1) + exp(h(x) + 2)\ny = f(a) * f(b)"
    page = show(page_of(program, {"a": [1.0, 2], "b": [3.0, 4]}, depth=0), "#4")

    def opened():
        return page.locator("figure:visible svg").get_attribute("aria-label")

    assert opened() == "The graph of y"
    page.click(".box:has(text:text-is('f(a)'))")
    assert opened() == "j = f(a)"
    names = page.locator("figure:visible .box .n").all_text_contents()
    assert names == ["a", "c", "d", "e", "g", "i", "j"]
    assert page.locator("figure:visible .outside .n").all_text_contents() == ["a"]
    assert page.locator("figure:visible .box.now .n").text_content() == "d"
    page.click("#next")
    assert page.locator("figure:visible .box.now .n").text_content() == "e"
    for _ in range(4):
        page.click("#next")
    assert opened() == "The graph of y"
    page.focus(".box:has(text:text-is('f(a)'))")
    page.keyboard.press("Enter")
    assert opened() == "j = f(a)"
    page.keyboard.press("Escape")
    assert opened() == "The graph of y"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("j, f(a)")
    page.keyboard.press("Enter")
    page.click("#path button >> nth=0")
    assert opened() == "The graph of y"


def test_names_and_texts_stay_texts(show):
    text = "</script><b id=out>--><!--\"'&amp;\u202e\u2028\x00"
    page = show(page_of(f"y = a + 1 # {text}", {"a": 2}, "y"), "#3")
    assert page.locator("#out").count() == 1
    assert "</script><b id=out>--><!--\"'&amp;\\u202e\\u2028\\x00" in page.inner_text("pre")
    assert page.inner_text("#say") == "Step 3 of 4, backward: dy/dy = 1"


def test_inputs_can_be_changed(show):
    page = show(page_of(*LESSON), "#14")
    fields = page.locator("td input")
    assert fields.count() == 4
    fields.nth(0).fill("0.1")
    fields.nth(3).fill("1e-3")
    other = Found(page_of(LESSON[0], LESSON[1] | {"a": 0.1, "d": 1e-3}, "g"))
    texts = [e[2] for e in other.all("text") if e[1].get("class") in ("v", "g", "l")]
    kinds = ".box .v, .box .g, .l"
    assert page.locator(kinds).all_text_contents() == texts
    assert page.locator("#steps li").all_text_contents() == [e[2] for e in other.all("li")]
    assert page.inner_text("#say").endswith("dg/da = dg/de · de/da = -0.002 · 1 = -0.002")
    assert page.locator("#nodes tr >> nth=7").inner_text().split() == [*"ge*f", "0.0078", "1"]
    fields.nth(0).fill("x")
    assert fields.nth(0).get_attribute("aria-invalid") == "true"
    page.click("#note button")
    assert shown(page)[0] == "a 2 dg/da = -4"


def test_folded_boxes_follow_changed_inputs(show):
    program = "f(x) = tanh(x * 2) + log(x)\ny = f(a) * f(b)"
    page = show(page_of(program, {"a": 1.0, "b": 3.0}, "y", depth=0), "#40")
    page.fill("td input >> nth=0", "2")
    other = Found(page_of(program, {"a": 2.0, "b": 3.0}, "y", depth=0))
    texts = [e[2] for e in other.all("text") if e[1].get("class") in ("v", "g")]
    assert page.locator(".box .v, .box .g").all_text_contents() == texts
    page.fill("td input >> nth=0", "0")
    assert page.locator(".box.born .n").all_text_contents() == ["g", "e"]


def test_what_is_born_after_a_change_is_marked(show):
    page = show(page_of("y = log(x) / x", {"x": 2}, "y"), "#20")
    page.fill("td input", "0")
    assert page.evaluate("[...document.querySelectorAll('.box.born text')].map(t=>t.textContent)")[
        0
    ] in ("a", "y")
    assert "-inf" in page.inner_text("#nodes")
    page.fill("td input", "2")
    assert page.locator(".box.born").count() == 0


def test_pages_that_compute_nothing_say_why(show):
    page = show(page_of(*ENTROPY))
    assert page.inner_text("#note") == "A record of one run: it has tensors."
    assert page.locator("td input").count() == 0
    assert "FUNCTIONS" not in page.content()


def test_constants_that_shape_the_graph_are_fixed(show):
    program = "f(x, n) = x^n if n > 0 else x\nk = 2\nm = 3\ny = f(a, k) * m"
    page = show(page_of(program, {"a": 2}, "y"))
    names = page.locator("td input").evaluate_all("found => found.map(e => e.ariaLabel)")
    assert names == ["a", "m"]


def test_reduced_motion_and_dark_screens(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page_of(*LESSON), encoding="utf-8")
    context = browser.new_context(color_scheme="dark", reduced_motion="reduce")
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#controls")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 23, 32)"
    fill = page.evaluate("getComputedStyle(document.querySelector('rect')).fill")
    assert fill == f"rgb{tuple(bytes.fromhex(DARK.fill['input'][1:]))}"
    assert page.evaluate("getComputedStyle(document.querySelector('.l')).transition") in (
        *("all", "all 0s ease 0s", "none"),
    )
    context.close()


def test_everything_is_printed(show):
    page = show(page_of(*LESSON), "#2")
    page.keyboard.press("+")
    page.check("#predict")
    page.emulate_media(media="print")
    page.wait_for_selector("svg[viewBox]")
    assert page.locator("#controls").is_hidden()
    assert page.locator(".box .g").first.is_visible()
    assert page.locator("#steps li").last.is_visible()


def test_accessibility_tree(show):
    page = show(page_of(*LESSON), "#5")
    expected = Path(__file__).with_name("lesson.aria").read_text(encoding="utf-8")
    assert page.locator("body").aria_snapshot() + "\n" == expected


def test_predict_hides_the_value_of_a_step_until_it_is_asked_for(show):
    page = show(page_of(*LESSON), "#4")
    page.check("#predict")
    page.click("h1")
    assert page.inner_text("#say").endswith("d = 2")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#say") == "Step 5 of 14, forward: e = a + b = 2 + (-4) = ?"
    assert shown(page)[4] == "e a + b"
    assert page.locator("#steps li:visible").count() == 4
    assert "at step 5" in page.inner_text("#facts")
    hidden = page.evaluate(STATE)
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#say").endswith("= -2")
    assert (step(page), shown(page)[4]) == (5, "e a + b -2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(STATE) == hidden
    page.uncheck("#predict")
    assert page.inner_text("#say").endswith("= -2")


def test_quiz_checks_values_and_derivatives(show):
    page = show(page_of(*ENTROPY), "?quiz#15")

    def answer(text):
        page.fill("#answer", text)
        page.keyboard.press("Enter")
        return page.inner_text("#ask output")

    assert page.inner_text("#say").endswith("= i / l = 0.4401896… / 2 = ?")
    assert answer("0.21").startswith("Not this")
    assert answer("0.22009485").startswith("Right")
    page.keyboard.press("Enter")
    assert (step(page), page.inner_text("#ask output")) == (16, "")
    assert answer("1").startswith("Right")
    page.keyboard.press("Enter")
    assert answer("-0.1100474").startswith("Right")
    page.keyboard.press("Enter")
    assert page.inner_text("#say").startswith("Step 18 of 30, backward: dloss/dk = ?")
    page.click("#show")
    assert "[-0.1100474…, -0.1100474…]" in page.inner_text("#say")


def test_quiz_follows_changed_inputs(show):
    page = show(page_of(*LESSON), "?quiz#5")
    page.fill("td input >> nth=0", "5")
    page.fill("#answer", "2/2")
    page.keyboard.press("Enter")
    assert page.inner_text("#say").endswith("e = a + b = 5 + (-4) = 1")
