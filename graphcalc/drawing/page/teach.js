// Values hidden until asked for, and answers that are checked.
const predict = $("#predict"), quiz = $("#quiz"), ask = $("#ask"), verdict = $("#ask output");
function teach() {
  if (quiz.checked) predict.checked = true;
  document.body.classList.toggle("predict", predict.checked);
  ask.hidden = !quiz.checked;
  go(at);
}
function read(text) {
  const [top, bottom] = text.trim().toLowerCase().replace("inf", "Infinity").split("/");
  return top == "nan" ? NaN : !top ? undefined : bottom ? top / bottom : Number(top);
}
// Whether an answer is near, or as near as what is displayed.
function isRight(answer, expected, shown) {
  const near = x => Math.abs(answer - x) <= 1e-6 * Math.abs(x) || Object.is(answer + 0, x + 0);
  return near(expected) || near(Number(shown.replace("…", "") || NaN));
}
ask.onsubmit = event => {
  event.preventDefault();
  if (!hidden) return go(at + 1);
  const field = $("#answer"), expected = answerOf(at), shown = textOf(at);
  const isOk = isRight(read(field.value), Number(expected), shown.split(" = ").pop());
  if (isOk) go(at, true);
  verdict.textContent = isOk ? "Right. Enter goes on." : "Not this. Try again, or press Show.";
};
$("#show").onclick = () => go(at, true);
predict.onchange = () => {
  if (!predict.checked) quiz.checked = false;
  teach();
};
quiz.onchange = teach;
const words = location.search.slice(1).split("&");
quiz.checked = words.includes("quiz");
predict.checked = words.includes("predict");
