/** Numbers: how they are summed up and how they are written. */

export function quantile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const median = samples => quantile(samples, 0.5);

/** Three figures are what these measures are good for. */
export function short(number) {
  return number >= 100 ? number.toFixed(0) : Number(number.toPrecision(3)).toString();
}

/** The middle of several runs, and how far they lie apart. */
export function spread(samples, unit) {
  const [least, most] = [Math.min(...samples), Math.max(...samples)];
  return `${short(median(samples))} ${unit} (${short(least)}–${short(most)})`;
}

/** Of many samples: the middle, what 19 of 20 stay below, and the worst. */
export function tail(samples) {
  const [middle, p95] = [median(samples), quantile(samples, 0.95)];
  return `${short(middle)} ms, p95 ${short(p95)}, max ${short(Math.max(...samples))}, n ${samples.length}`;
}

/** `a` as a multiple of `b`; nothing where there is no `b`. */
export function ratio(a, b) {
  return a === undefined || b === undefined ? '' : `${(a / b).toFixed(2)}×`;
}
