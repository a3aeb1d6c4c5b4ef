// The kernels give numbers or truth values; each node has the one that its dtype has.
function compute(leaves) {
  const values = [];
  leaves.forEach((c, i) => {
    if (Array.isArray(c)) {
      const found = FUNCTIONS[c[0]](...c.slice(2).map(k => values[k]));
      values[i] = c[1] ? found != 0 : +found;
    } else values[i] = c;
  });
  return values;
}
