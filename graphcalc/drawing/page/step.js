// What the page knows, the controls, and the steps.
const $ = (q, e = document) => e.querySelector(q);
const $$ = (q, e = document) => [...e.querySelectorAll(q)];
function el(name, text, ...inside) {
  const made = document.createElement(name);
  if (text != null) made.textContent = text;
  made.append(...inside);
  return made;
}
const D = JSON.parse($("#data").textContent), ROLES = ["input", "operation", "result"];
const figures = $$("figure"), svgs = $$("svg"), arrows = $$(".edges path"), labels = $$(".l"), items = $$("li");
const boxes = $$("svg [transform]"), viewOf = boxes.map(e => figures.indexOf(e.closest("figure")));
for (const id of ["mf", "mb"]) $("marker").after(Object.assign($("marker").cloneNode(true), {id}));
$("#mb path").setAttribute("d", "M0,0l-3.6,8h7.2z");
const titles = figures.map(e => e.dataset.title || document.title), counted = (found, all) => found || all.map((_, i) => i);
const shownRows = counted(D.shown, boxes), labelled = counted(D.labels, labels);
// Boxes that have a picture of what is inside, by which they are opened.
const opens = new Map(D.views.map((box, view) => [box, view]));
// The boxes that a node stands in, from the innermost to the one in the picture of the whole.
function chain(box) {
  const found = [];
  for (; box >= 0; box = D.views[viewOf[box]]) found.push(box);
  return found;
}
const answers = D.answers || {};
const N = D.nodes.map(([name, box, role, type, source, text, stats, gstats, value, grad], row) => ({
  name, text, stats, gstats, value: value ?? endOf(row + 1), grad, step: row + 1,
  role: ROLES[role], type: D.texts[type], source: D.texts[source], home: chain(box),
}));
const steps = N.map((_, row) => [row]).concat((D.back || []).map(found => [found].flat())), last = steps.length;
steps.slice(N.length).forEach(([row], i) => N[row].back = i + N.length + 1);
for (const node of N) if (node.back) node.grad ??= endOf(node.back);
$("main").insertAdjacentHTML("beforeend", `<section id="controls" aria-label="Steps"><p id="say" role="status"></p><div>
<button id="first" aria-label="To the start" title="Home">|◀</button>
<button id="back" aria-label="Step back" title="←">◀</button>
<button id="play" title="Space">Play</button>
<button id="next" aria-label="Next step" title="→">▶</button>
<button id="last" aria-label="To the end" title="End">▶|</button>
<input id="slider" type="range" min="0" aria-label="Step"></div><div>
<label><input id="predict" type="checkbox"> Predict, then look</label>
<label><input id="quiz" type="checkbox"> Quiz</label><form id="ask" hidden>
<input id="answer" aria-label="Your value" autocomplete="off"><button>Check</button>
<button id="show" type="button">Show</button><output></output></form>
<div id="zoom"><button id="out" aria-label="Zoom out" title="-">−</button>
<button id="fit" title="0">Fit</button><button id="in" aria-label="Zoom in" title="+">+</button></div></div></section>
<aside><input id="search" type="search" placeholder="Search nodes (/)" aria-label="Search nodes">
<div id="nodes"><table></table></div><section id="facts" aria-label="Node"></section></aside>`);
$("#search").after($("#note"));
$("#note").textContent = D.why ? `A record of one run: ${D.why}.` : "Change an input: values and gradients are computed here.";
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
// The rows of the nodes whose values a box shows, and how its texts of a kind are found.
function ends(i) {
  return [shownRows[i]].flat();
}
const VALUE = ".v", GRADIENT = ".g", MARKS = "text:is(.born,.carried,.backward)";
function revealTexts(box, i) {
  const found = ends(i), rows = found.map(row => N[row]), final = rows.at(-1);
  if (!final) return;
  $$(VALUE, box).forEach((e, k) => reveal(e, (rows[1] ? rows[k] : final).step));
  const marks = $$(MARKS, box), isBack = e => e.matches(".backward");
  marks.forEach(e => reveal(e, isBack(e) ? final.back : final.step));
  if (marks.length) reveal(box, marks.every(isBack) ? final.back : final.step, "early");
  $$(GRADIENT, box).forEach(e => reveal(e, final.back));
}
function revealArrows() {
  const first = [], back = [];
  for (const {home, step} of N) for (const box of home) first[box] ??= step;
  steps.forEach(([, ...along], i) => along.forEach(arrow => back[arrow] ??= i + 1));
  arrows.forEach((e, i) => {
    reveal(e, first[D.arrows[i][1]], "f");
    reveal(e, back[i], "b");
  });
  labels.forEach((e, i) => reveal(e, back[labelled[i]]));
}
function relabel(box) {
  const texts = $$("text:not(.off)", box).map(e => e.textContent.trim());
  const role = ROLES.find(role => role[0] == box.classList[0]);
  box.setAttribute("aria-label", `${texts.join(", ")}; ${role}`);
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
// What a step asks for: a number, "tensor", or null where there is nothing to predict.
function answerOf(step) {
  if (step in answers) return answers[step];
  const end = step ? endOf(step) : "";
  if (!step || end == textOf(step) || step <= N.length && N[step - 1].role == "input") return null;
  const number = Number(end.replace("inf", "Infinity"));
  return number == number || end == "nan" ? number : "tensor";
}
function textOf(step) {
  return items[step - 1].firstChild.textContent;
}
function endOf(step) {
  return textOf(step).split(" = ").pop();
}
// Shows a step; the document depends on its number alone, and on whether its value is hidden.
function go(to, isOpen = !$("#predict").checked) {
  to = Math.max(0, Math.min(last, to || 0));
  if (to != at) $("#answer").value = "";
  $("#ask output").textContent = "";
  if (hidden) move(at - 1, true, true);
  while (at < to) move(at++, true);
  while (at > to) move(--at, false);
  const [row, ...along] = steps[at - 1] || [];
  hidden = !isOpen && answerOf(at) != null;
  if (hidden) move(at - 1, false, true);
  mark(items[at - 1], rows[row], ...(N[row]?.home || []).map(i => boxes[i]), ...along.map(i => arrows[i]));
  say();
  $("#slider").value = at;
  try {
    history.replaceState(null, "", at ? "#" + at : location.pathname + location.search);
  } catch {}
  follow(rows[row]);
  lookAt(N[row]);
  inspect();
}
function pass(step) {
  return step > N.length ? "backward" : "forward";
}
function say() {
  const head = at ? `Step ${at} of ${last}, ${pass(at)}: ` : `${last} steps. `;
  const [code, remark] = at ? items[at - 1].childNodes : [];
  const line = code?.textContent, end = hidden ? line.lastIndexOf(" = ") : undefined;
  const text = at ? remark?.textContent || "" : "Press → for the next one, End for all.";
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
  if (" Enter".includes(key) && target.closest("button")) return;
  const action = target.closest(".box") && walk[key] || keys[key];
  if (action) {
    event.preventDefault();
    action();
  }
});
function start() {
  svgs.forEach((e, i) => {
    e.role = "group";
    e.ariaLabel = titles[i];
  });
  boxes.forEach((e, i) => {
    e.classList.add("box");
    e.classList.toggle("opens", opens.has(i));
    // Nodes that what is inside of a box reads stand beside it.
    e.classList.toggle("outside", viewOf[i] > 0 && !inside(i).length);
    revealTexts(e, i);
    relabel(e);
  });
  revealArrows();
  items.forEach((e, i) => reveal(e, i + 1, "later"));
  mark(...items, ...arrows);
  mark();
  const clicks = {first: "Home", back: "ArrowLeft", play: " ", next: "ArrowRight", last: "End"};
  for (const id in clicks) $("#" + id).onclick = keys[clicks[id]];
  items.forEach((e, i) => e.onclick = () => go(i + 1));
  $("#slider").max = last;
  $("#slider").oninput = event => go(+event.target.value);
  onhashchange = () => go(+location.hash.slice(1));
  open(0);
  onhashchange();
  teach();
}
