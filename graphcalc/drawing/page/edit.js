// Computes the run again when an input is changed. FUNCTIONS are those of the program.
const P = D.program, given = P.code.map(c => Array.isArray(c) ? c : typeof c == "string" ? Number(c) : c);
const rowsAt = counted(P.at, N);
let V = [], display, draw;
// Numbers as the command writes them: shortest digits that read back as the same number.
function exact(x) {
  if (typeof x == "boolean") return String(x);
  if (x - x != 0) return x != x ? "nan" : x > 0 ? "inf" : "-inf";
  const size = Math.abs(x);
  if (x == 0) return Object.is(x, -0) ? "-0" : "0";
  return size < 1e16 && (size >= 1e-4 || Number.isInteger(x)) ? String(x) : twoDigits(x.toExponential());
}
function twoDigits(text) {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}
// Where so many significant digits end in a number without its exponent.
function endOfDigits(text, count) {
  for (let i = 0, leading = true; i < text.length; i++) {
    leading &&= "-0.".includes(text[i]);
    if (!leading && text[i] != "." && --count == 0) return i + 1;
  }
  return text.length;
}
function short(x) {
  const text = exact(x);
  if (text.length <= 10 || Number.isInteger(x)) return text;
  const [mantissa, exponent] = text.split("e");
  const end = Math.max(endOfDigits(mantissa, 7), mantissa.indexOf(".") + 2);
  return end >= mantissa.length ? text : mantissa.slice(0, end) + "…" + (exponent ? "e" + exponent : "");
}
function rounded(x) {
  const text = exact(x), n = P.digits;
  if (typeof x == "boolean" || x - x != 0) return text;
  let mantissa = text.split("e")[0];
  if (!text.includes(".")) mantissa = mantissa.replace(/0+$/, "");
  if (endOfDigits(mantissa + "0", n) >= mantissa.length) return text;
  const power = +x.toExponential(n - 1).split("e")[1], isPlain = power >= -4 && power < n;
  return twoDigits(isPlain ? x.toFixed(n - 1 - power) : x.toExponential(n - 1)).replace(/\.$/, "");
}
// Short forms that stay distinct for unequal numbers.
function shortener(values) {
  if (P.digits) return rounded;
  const meanings = new Map();
  for (const x of values) {
    const text = short(x);
    meanings.set(text, (meanings.get(text) || new Set()).add(exact(x)));
  }
  return x => meanings.get(short(x))?.size == 1 ? short(x) : exact(x);
}
function fill(side) {
  const text = side.replace(/\(¤(\d+);;|¤(\d+);/g, (_, inner, i) => {
    const found = display(V[inner || i]);
    return inner && found[0] == "-" ? `(${found})` : found;
  });
  return text.startsWith("¤¤") ? text.slice(2).replace(/^\((-[^()]*)\) /, "$1 ") : text;
}
const beginnings = P.lines.map((line, i) => textOf(i + 1).split(" = ").slice(0, parseInt(line)));
function lineOf(template, i) {
  const sides = beginnings[i].concat(template.split("\t").slice(1).map(fill));
  return sides.filter((side, i) => !i || side != sides[i - 1]).join(" = ");
}
const kindOf = x => x != x ? "nan" : x - x != 0 ? "inf" : "";
const isGiven = i => !Array.isArray(P.code[i]);
function born(i) {
  if (isGiven(i) || !kindOf(V[i])) return "";
  const had = P.code[i].slice(2).map(k => kindOf(V[k]));
  return had.includes("nan") || had.includes("inf") && V[i] == V[i] ? "" : kindOf(V[i]);
}
// Puts a text in place of another and keeps it inside of its box.
function put(element, text, width) {
  if (!element) return;
  element.textContent = text;
  element.removeAttribute("textLength");
  if (width && text.length * 7.23 > width + .5) {
    element.setAttribute("textLength", width);
    element.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}
// What boxes say for the first inputs; births in the backward pass are not found here.
const written = boxes.map(b => $$(MARKS, b).map(e => [e, e.textContent]));
const marked = boxes.map(b => ["born", "carried"].map(kind => b.classList.contains(kind)));
const first = "" + given;
// A box shows the value of one node, or of several by their names.
function drawBox(box, k) {
  const shown = ends(k), width = frames[k][2] - 12, row = shown.length == 1 ? shown[0] : -1;
  const place = rowsAt[row], own = row < 0 ? "" : kindOf(V[place]), isInput = row >= 0 && isGiven(place);
  if (row >= 0) {
    put($(VALUE, box), draw(V[place]), width);
    put($(GRADIENT, box), `d${D.target}/d${N[row].name} = ${draw(V[P.back[row]] ?? 0)}`, width);
  } else {
    const texts = $$(VALUE, box);
    shown.forEach((row, i) => put(texts[i], `${N[row].name}: ${draw(V[rowsAt[row]])}`, width));
  }
  const kinds = (isInput ? [own] : inside(k).map(i => N[i].born)).filter(Boolean);
  const where = isInput ? "came in here" : `born ${N[row]?.born ? "here" : "inside"}`;
  const carried = isInput || kinds.includes(own) ? "" : own;
  const now = {
    born: kinds[0] && `← ${[...new Set(kinds)].join(" and ")} ${where}`,
    carried: carried && `carries ${carried}`,
  };
  const isStart = first == given;
  for (const [e, text] of written[k]) put(e, isStart ? text : now[e.classList[0]] || "", width);
  ["born", "carried"].forEach((kind, i) => {
    box.classList.toggle(kind, isStart ? marked[k][i] : i ? !kinds.length && !!carried : kinds.length > 0);
  });
  relabel(box);
}
function recompute() {
  V = compute(given);
  display = shortener(V);
  draw = shortener(V.filter((_, i) => !P.hidden?.includes(i)));
  N.forEach((node, row) => {
    node.value = display(V[rowsAt[row]]);
    node.born = born(rowsAt[row]);
    put(rows[row].children[2].querySelector("span"), node.value);
    if (P.back[row] >= 0) {
      node.grad = display(V[P.back[row]]);
      put($("span", rows[row].children[3]), node.grad);
    }
  });
  boxes.forEach(drawBox);
  labels.forEach((label, k) => {
    const i = P.locals[k];
    if (i >= 0) put(label, label.textContent.replace(/[^ ]*$/, draw(V[i])));
  });
  items.forEach((item, i) => {
    item.firstChild.textContent = lineOf(P.lines[i], i);
    if (answerOf(i + 1) != null) answers[i + 1] = V[P.lines[i].match(/¤(\d+);$/)?.[1]] ?? 0;
  });
  inspected = "";
  say();
  inspect();
}
const fields = P.editable.map(row => {
  const field = el("input"), start = given[rowsAt[row]];
  const set = (text, value) => {
    const bad = value === undefined || value != value && text.trim().toLowerCase() != "nan";
    field.value = text;
    field.setAttribute("aria-invalid", bad);
    if (!bad) given[rowsAt[row]] = value;
  };
  field.setAttribute("aria-label", N[row].name);
  field.oninput = () => {
    set(field.value, read(field.value));
    recompute();
  };
  field.onclick = event => event.stopPropagation();
  rows[row].children[2].replaceChildren(field);
  field.reset = () => set(exact(start), start);
  field.reset();
  return field;
});
function reset() {
  fields.forEach(field => field.reset());
  recompute();
}
const button = el("button", "Reset");
button.onclick = reset;
$("#note").append(" ", button);
