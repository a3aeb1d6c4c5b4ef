async data => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt());
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const texts = (await new Response(stream).text()).split("\0");
  for (const name of ["style", "script"]) document.head.append(Object.assign(document.createElement(name), {textContent: texts.shift()}));
}
