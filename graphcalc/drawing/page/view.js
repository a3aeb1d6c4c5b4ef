// Zoom and pan, and the way of the focus along the edges.
const svg = $("svg"), world = $("#world"), whole = svg.viewBox.baseVal, W = whole.width, H = whole.height;
const frames = boxes.map(e => {
  const [x, y] = e.getAttribute("transform").match(/[\d.]+/g).map(Number);
  const [w, h] = ["width", "height"].map(a => +$("rect", e).getAttribute(a));
  return [x - w / 2, y, w, h];
});
let zoom = 1, eye = [W / 2, 0], isPrinting = false;
function scale() {
  const fit = Math.min(svg.clientWidth / W, svg.clientHeight / H, 1.4);
  return zoom * Math.max(fit, Math.min(.8, 1.4));
}
function look() {
  if (isPrinting) {
    world.removeAttribute("transform");
    return svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
  }
  svg.removeAttribute("viewBox");
  const k = scale(), size = [svg.clientWidth / k, svg.clientHeight / k];
  eye = eye.map((c, i) => {
    const half = size[i] / 2, end = [W, H][i];
    return end <= 2 * half ? end / 2 : Math.max(half, Math.min(end - half, c));
  });
  const [x, y] = eye.map((c, i) => (size[i] / 2 - c).toFixed(1));
  world.setAttribute("transform", `scale(${k.toFixed(4)}) translate(${x},${y})`);
}
function centre(box) {
  const [x, y, w, h] = frames[boxes.indexOf(box)] || [W / 2, 0, 0, 0];
  eye = [x + w / 2, y + h / 2];
  look();
}
function zoomBy(factor, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
  const off = [x - svg.clientWidth / 2, y - svg.clientHeight / 2], before = scale();
  zoom = Math.max(.05, Math.min(8, zoom * factor));
  eye = eye.map((c, i) => c + off[i] / before - off[i] / scale());
  look();
}
function refit() {
  zoom = 1;
  centre(boxes[N[D.steps[at - 1]?.[0]]?.box]);
}
Object.assign(keys, {"+": () => zoomBy(1.25), "=": () => zoomBy(1.25), "-": () => zoomBy(.8), 0: refit});
$("#in").onclick = keys["+"];
$("#out").onclick = keys["-"];
$("#fit").onclick = refit;
svg.addEventListener("wheel", event => {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY / 500), event.offsetX, event.offsetY);
}, {passive: false});
let isDragged = false;
svg.onpointerdown = down => {
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
    boxes.forEach((e, k) => e.tabIndex = k == i ? 0 : -1);
    boxes[i].focus();
    centre(boxes[i]);
  }
}
function here() {
  return boxes.indexOf(document.activeElement);
}
function along(from, to) {
  return () => focus(D.arrows.find(pair => pair[from] == here())?.[to]);
}
function beside(sign) {
  const [x, y, w, h] = frames[here()], middle = f => f[0] + f[2] / 2;
  const near = frames.map((f, i) => [sign * (middle(f) - x - w / 2), i])
    .filter(([d, i]) => d > 1 && frames[i][1] < y + h && frames[i][1] + frames[i][3] > y);
  focus(near.sort((a, b) => a[0] - b[0])[0]?.[1]);
}
const walk = {
  ArrowUp: along(1, 0), ArrowDown: along(0, 1),
  ArrowLeft: () => beside(-1), ArrowRight: () => beside(1),
  Enter: () => pick(here()), " ": () => pick(here()),
};
boxes.forEach((e, i) => {
  e.tabIndex = i ? -1 : 0;
  e.setAttribute("role", "button");
  e.onmouseenter = e.onfocus = () => inspect(inside(i).pop());
  e.onmouseleave = e.onblur = () => inspect();
  e.onclick = () => isDragged || pick(i);
});
