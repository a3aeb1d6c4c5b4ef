// The picture that is open, zoom and pan, and the way of the focus along the edges.
const sizes = svgs.map(e => e.getAttribute("viewBox").split(" ").slice(2));
const frames = boxes.map(e => {
  const [x, y] = e.getAttribute("transform").match(/[\d.]+/g).map(Number);
  const [w, h] = ["width", "height"].map(a => +$("rect", e).getAttribute(a));
  return [x - w / 2, y, w, h];
});
const path = el("nav");
path.id = "path";
path.setAttribute("aria-label", "Opened boxes");
$("#picture").prepend(path);
let view = 0, svg = svgs[0], zoom = 1, eye = [0, 0], isPrinting = false;
// Opens a picture: that of the whole, or that of what a box has inside.
function open(to) {
  view = to;
  svg = svgs[to];
  figures.forEach((e, i) => e.hidden = i != to);
  const above = [];
  for (let i = to; i >= 0; i = viewOf[D.views[i]] ?? -1) above.unshift(i);
  path.hidden = !to;
  path.replaceChildren(...above.map(i => {
    const button = el("button", titles[i].split(";")[0]);
    button.disabled = i == to;
    button.onclick = () => close(i);
    return button;
  }));
  refit();
}
// Goes back to a picture, to the box of it that was open.
function close(to) {
  let box = D.views[view];
  while (viewOf[box] != to) box = D.views[viewOf[box]];
  open(to);
  focus(box);
}
// Moves to the box of a node, in the open picture or in one around it.
function lookAt(node) {
  const home = node?.home || [];
  while (view && home.length && !home.some(i => viewOf[i] == view)) open(viewOf[D.views[view]]);
  centre(home.find(i => viewOf[i] == view));
}
function scale() {
  const fit = Math.min(svg.clientWidth / sizes[view][0], svg.clientHeight / sizes[view][1], 1.4);
  return zoom * Math.max(fit, .7);
}
function look() {
  if (isPrinting) {
    return svgs.forEach((e, i) => {
      e.lastChild.removeAttribute("transform");
      e.setAttribute("viewBox", `0 0 ${sizes[i].join(" ")}`);
      e.setAttribute("width", sizes[i][0]);
    });
  }
  svg.removeAttribute("viewBox");
  const k = scale(), size = [svg.clientWidth / k, svg.clientHeight / k];
  eye = eye.map((c, i) => {
    const half = size[i] / 2, end = +sizes[view][i];
    return end <= 2 * half ? end / 2 : Math.max(half, Math.min(end - half, c));
  });
  const [x, y] = eye.map((c, i) => (size[i] / 2 - c).toFixed(1));
  svg.lastChild.setAttribute("transform", `scale(${k.toFixed(4)}) translate(${x},${y})`);
}
function centre(i) {
  const [x, y, w, h] = frames[i] || [sizes[view][0] / 2, 0, 0, 0];
  eye = [x + w / 2, y + h / 2];
  look();
}
function zoomBy(factor, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
  const off = [x - svg.clientWidth / 2, y - svg.clientHeight / 2], before = scale();
  zoom = Math.max(.05, Math.min(8, zoom * factor));
  eye = eye.map((c, i) => c + off[i] / before - off[i] / scale());
  look();
}
// Looks at the node of the step where the open picture has it.
function refit() {
  zoom = 1;
  const node = N[steps[at - 1]?.[0]];
  centre(node && boxIn(node));
}
Object.assign(keys, {"+": () => zoomBy(1.25), "=": () => zoomBy(1.25), "-": () => zoomBy(.8), 0: refit});
$("#in").onclick = keys["+"];
$("#out").onclick = keys["-"];
$("#fit").onclick = refit;
let isDragged = false;
for (const e of svgs) {
  e.addEventListener("wheel", event => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 500), event.offsetX, event.offsetY);
  }, {passive: false});
  e.onpointerdown = down => {
    let [x, y] = [down.clientX, down.clientY];
    isDragged = false;
    onpointermove = event => {
      isDragged ||= Math.hypot(event.clientX - x, event.clientY - y) > 3;
      if (!isDragged) return;
      eye = [eye[0] - (event.clientX - x) / scale(), eye[1] - (event.clientY - y) / scale()];
      [x, y] = [event.clientX, event.clientY];
      look();
    };
    onpointerup = onpointercancel = () => onpointermove = null;
  };
}
onresize = look;
function print(on) {
  isPrinting = on;
  look();
}
onbeforeprint = () => print(true);
onafterprint = () => print(false);
matchMedia("print").onchange = event => print(event.matches);
// One tab stop: up to the operands, down to the readers, left and right in a row.
function focus(i) {
  if (boxes[i]) {
    boxes.forEach((e, k) => {
      if (viewOf[k] == viewOf[i]) e.tabIndex = k == i ? 0 : -1;
    });
    boxes[i].focus();
    centre(i);
  }
}
function here() {
  return boxes.indexOf(document.activeElement);
}
function along(from, to) {
  return () => focus(D.arrows?.find(pair => pair[from] == here())?.[to]);
}
function beside(sign) {
  const from = here(), [x, y, w, h] = frames[from], middle = f => f[0] + f[2] / 2;
  const near = frames.map((f, i) => [sign * (middle(f) - x - w / 2), i])
    .filter(([d, i]) => d > 1 && viewOf[i] == viewOf[from] && frames[i][1] < y + h && frames[i][1] + frames[i][3] > y);
  focus(near.sort((a, b) => a[0] - b[0])[0]?.[1]);
}
// A box that has a picture of what is inside is opened; another one is kept in view.
function press(i) {
  if (!opens.has(i)) return pick(i);
  open(opens.get(i));
  const shown = boxes.map((_, k) => k).filter(k => viewOf[k] == view);
  focus(shown.find(k => boxes[k].matches(".now")) ?? shown[0]);
}
const walk = {
  ArrowUp: along(1, 0), ArrowDown: along(0, 1),
  ArrowLeft: () => beside(-1), ArrowRight: () => beside(1),
  Enter: () => press(here()), " ": () => press(here()),
};
boxes.forEach((e, i) => {
  e.tabIndex = i && viewOf[i] == viewOf[i - 1] ? -1 : 0;
  e.setAttribute("role", "button");
  e.onmouseenter = e.onfocus = () => inspect(lastOf(i));
  e.onmouseleave = e.onblur = () => inspect();
  e.onclick = () => isDragged || press(i);
});
