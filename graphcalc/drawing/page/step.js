"use strict";
const $ = (q, e = document) => e.querySelector(q);
const $$ = (q, e = document) => [...e.querySelectorAll(q)];
const D = JSON.parse($("#data").textContent);
const N = D.nodes.map(([name, text, role, value, grad, type, stats, gstats, source, box, step, back]) => ({
  name, text, value, grad, stats, gstats, box, step, back,
  role: D.texts[role], type: D.texts[type], source: D.texts[source],
}));
const boxes = $$(".box"), arrows = $$(".edges path"), items = $$("#steps li");
const last = items.length;
// What changes at each step: elements that lose the class "off" or "later", and edges that get "f"
// or "b".
const reached = items.map(() => []);
let at = 0, marks = [], timer = 0;
// Whether the value of this step is to be predicted, and not shown yet.
let hidden = false;
function reveal(element, step, kind = "off") {
  if (step > 0) {
    reached[step - 1].push([element, kind]);
    if (kind.length > 1) element.classList.add(kind);
  }
}
function el(name, text, ...inside) {
  const made = document.createElement(name);
  if (text != null) made.textContent = text;
  made.append(...inside);
  return made;
}
function relabel(box) {
  const texts = $$("text:not(.off)", box).map(e => e.textContent.trim());
  box.setAttribute("aria-label", `${texts.join(", ")}; ${box.classList[1]}`);
}
function move(step, on, texts = false) {
  for (const [e, kind] of reached[step]) {
    if (kind.length > 1 || !texts) e.classList.toggle(kind, on == (kind.length == 1));
    if (e.parentNode?.classList.contains("box")) relabel(e.parentNode);
  }
}
function mark(...elements) {
  for (const e of marks) {
    e.classList.remove("now");
    e.removeAttribute("aria-current");
  }
  marks = elements.filter(e => e);
  for (const e of marks) {
    e.classList.add("now");
    e.setAttribute("aria-current", "step");
  }
}
// Shows a step; the document depends on its number alone, and on whether its value is hidden.
function go(to, isOpen = !$("#predict").checked) {
  to = Math.max(0, Math.min(last, to || 0));
  if (to != at) $("#answer").value = "";
  $("#ask output").textContent = "";
  if (hidden) move(at - 1, true, true);
  while (at < to) move(at++, true);
  while (at > to) move(--at, false);
  const [row, arrow, answer] = D.steps[at - 1] || [-1, -1, null], node = N[row];
  hidden = !isOpen && answer != null;
  if (hidden) move(at - 1, false, true);
  mark(items[at - 1], boxes[node?.box], arrows[arrow], rows[row]);
  say();
  $("#slider").value = at;
  try {
    history.replaceState(null, "", at ? "#" + at : location.pathname + location.search);
  } catch {}
  follow(rows[row]);
  centre(boxes[node?.box]);
  inspect();
}
function pass(step) {
  return step > D.forward ? "backward" : "forward";
}
function say() {
  const head = at ? `Step ${at} of ${last}, ${pass(at)}: ` : `${last} steps. `;
  const [code, remark] = at ? items[at - 1].children : [];
  const line = code?.textContent, end = hidden ? line.lastIndexOf(" = ") : undefined;
  const text = at ? " " + (remark?.textContent || "") : "Press → for the next one, End for all.";
  $("#say").replaceChildren(el("span", head), el("b", at ? line.slice(0, end) + (hidden ? " = ?" : "") : ""), el("span", text));
  $("#slider").setAttribute("aria-valuetext", head);
}
function play(on = !timer) {
  clearInterval(timer);
  if (on && at == last) go(0);
  timer = on ? setInterval(() => at < last || hidden ? forth() : play(false), 1400) : 0;
  $("#play").textContent = on ? "Pause" : "Play";
}
function forth() {
  hidden ? go(at, true) : go(at + 1);
}
const keys = {
  ArrowRight: forth, ArrowLeft: () => go(at - 1),
  Home: () => go(0), End: () => go(last), " ": () => play(),
};
addEventListener("keydown", event => {
  const {key, target} = event, field = target.closest("input,select,textarea");
  if (event.ctrlKey || event.altKey || event.metaKey || field) return;
  if (key == " " && target.closest("button")) return;
  const action = target.closest(".box") && walk[key] || keys[key];
  if (action) {
    event.preventDefault();
    action();
  }
});
function start() {
  for (const e of $$("[data-s]")) reveal(e, e.dataset.s);
  for (const e of arrows) for (const kind of "fb") reveal(e, e.dataset[kind], kind);
  items.forEach((e, i) => reveal(e, i + 1, "later"));
  boxes.forEach(relabel);
  mark(...items, ...arrows);
  mark();
  const clicks = {first: "Home", back: "ArrowLeft", play: " ", next: "ArrowRight", last: "End"};
  for (const id in clicks) $("#" + id).onclick = keys[clicks[id]];
  items.forEach((e, i) => e.onclick = () => go(i + 1));
  $("#slider").max = last;
  $("#slider").oninput = event => go(+event.target.value);
  onhashchange = () => go(+location.hash.slice(1));
  onhashchange();
}
