// The table of nodes, and the facts of one of them.
const rows = N.map((node, i) => {
  const row = el("tr"), shown = [node.value || node.type, node.grad || node.gstats];
  row.className = node.role[0];
  row.append(el("td", node.name), el("td", node.text));
  shown.forEach((text, k) => {
    const step = k ? node.back : node.step, cell = el("span", text);
    if (!k || D.target) row.append(el("td", null, cell));
    if (step) reveal(cell, step);
  });
  row.onmouseenter = () => inspect(i);
  row.onmouseleave = () => inspect();
  row.onclick = () => pick(-1, i);
  return row;
});
const heads = ["name", "expression", "value"].concat(D.target ? "gradient" : []);
$("table").append(el("thead", null, el("tr", null, ...heads.map(h => el("th", h)))), el("tbody", null, ...rows));
// What is looked at: a node that was picked, or else that of the step.
let picked = -1, inspected = "";
function follow(row) {
  const pane = $("#nodes");
  pane.scrollTop = row ? row.offsetTop - pane.clientHeight / 2 : 0;
}
function inside(box) {
  return N.map((n, i) => i).filter(i => N[i].home.includes(box));
}
// The node that a box is looked at by: the one whose value it shows, or the last one inside.
function lastOf(box) {
  return ends(box).at(-1) ?? inside(box).pop();
}
function inspect(i = picked >= 0 ? picked : at ? steps[at - 1][0] : -1) {
  const node = N[i], facts = $("#facts"), list = el("dl"), seen = hidden ? at - 1 : at;
  const key = `${i} ${at} ${hidden} ${view}`;
  if (key == inspected) return;
  inspected = key;
  facts.replaceChildren();
  if (!node) return facts.append(el("p", "Point at a node, or step to one, to see all of it."));
  const add = (name, text, step) => {
    if (text) list.append(el("dt", name), el("dd", step > seen ? `at step ${step}` : text));
  };
  add("expression", node.text);
  add("value", node.value, node.step);
  add("produced", node.born, node.step);
  add("type", node.type);
  add("statistics", node.stats, node.step);
  add(`d${D.target}/d${node.name}`, node.grad || node.gstats, node.back);
  if (node.grad) add("its statistics", node.gstats, node.back);
  add("source", node.source);
  facts.append(el("h2", `${node.name}, ${node.role}`), list);
  const box = boxIn(node), nodes = inside(box);
  if (opens.has(box)) {
    const button = el("button", `Open the ${nodes.length} nodes inside`);
    button.onclick = () => press(box);
    facts.append(el("p", null, button));
  } else if (nodes.length > 1) {
    const lines = nodes.map(k => {
      const line = el("li", null, el("code", [N[k].name, N[k].text, N[k].step > seen ? "" : N[k].value].filter(t => t).join(" = ")));
      line.onclick = () => pick(box, k);
      return line;
    });
    facts.append(el("details", null, el("summary", `${nodes.length} nodes in this box`), el("ul", null, ...lines)));
  }
}
// The box of a node in the open picture.
function boxIn(node) {
  return node.home.find(i => viewOf[i] == view) ?? -1;
}
// Keeps a node in view until Escape, or until it is picked again.
function pick(box, i = lastOf(box)) {
  picked = picked == i ? -1 : i;
  boxes.forEach((e, k) => e.classList.toggle("picked", picked >= 0 && N[picked].home.includes(k)));
  inspect();
}
$("#search").oninput = event => {
  const text = event.target.value.trim().toLowerCase(), hits = new Set();
  rows.forEach((row, i) => {
    const hit = !text || [N[i].name, N[i].text].join(" ").toLowerCase().includes(text);
    row.hidden = !hit;
    if (hit) N[i].home.forEach(box => hits.add(box));
  });
  boxes.forEach((e, k) => e.classList.toggle("dim", !hits.has(k)));
};
$("#search").onkeydown = event => {
  const first = rows.findIndex(row => !row.hidden);
  if (event.key == "Enter" && first >= 0) {
    if (picked != first) pick(-1, first);
    lookAt(N[first]);
  } else if (event.key == "Escape") {
    event.target.value = "";
    event.target.oninput(event);
    event.target.blur();
  }
};
keys["/"] = () => $("#search").focus();
keys.Escape = () => {
  if (picked >= 0) pick(-1, picked);
  else if (view) return close(viewOf[D.views[view]]);
  document.activeElement.blur();
};
