// Unpacks DATA, which are words in digits of base 85, into a style and a script.
(async data => {
  const digits = {v: 34, w: 60, x: 92}, bytes = [];
  let word = 0, count = 0;
  for (const digit of data) {
    word = word * 85 + (digits[digit] || digit.charCodeAt()) - 33;
    if (++count % 5 == 0) {
      bytes.push(word >>> 24, word >> 16, word >> 8, word);
      word = 0;
    }
  }
  const stream = new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const [style, text] = (await new Response(stream).text()).split("\0"), script = document.createElement("script");
  document.adoptedStyleSheets = [await new CSSStyleSheet().replace(style)];
  script.textContent = text;
  document.body.append(script);
})(DATA);
