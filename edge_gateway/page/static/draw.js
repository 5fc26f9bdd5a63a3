// Small drawings and words. Everything that came from the plant is set as text, never as markup.

const MARKS = { good: "●", uncertain: "◐", bad: "▲" };
const CLASSES = { good: "good", uncertain: "doubt", bad: "bad" };

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function number(value) {
  if (value === null) return "no value";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3);
  return String(Number(value.toPrecision(6)));
}

export function span(seconds) {
  if (seconds < 1) return "now";
  for (const [name, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${name}`;
  }
  return `${Math.floor(seconds)} s`;
}

export function when(ns) {
  return new Date(ns / 1e6).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

export function size(bytes) {
  for (const [name, length] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= length) return `${(bytes / length).toFixed(1)} ${name}`;
  }
  return `${bytes} bytes`;
}

export function quality(name, status) {
  return make("span", { class: CLASSES[name], title: `status code ${status}` }, `${MARKS[name]} ${name}`);
}

export function spark(values) {
  const known = values.filter((value) => value !== null);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("aria-hidden", "true");
  if (known.length < 2) return svg;
  const low = Math.min(...known), high = Math.max(...known), room = high - low || 1;
  let path = "", pen = "M";
  values.forEach((value, at) => {
    if (value === null) { pen = "M"; return; }
    path += `${pen}${at} ${(1 - (value - low) / room).toFixed(3)}`;
    pen = "L";
  });
  svg.setAttribute("viewBox", `0 -0.1 ${values.length - 1} 1.2`);
  svg.setAttribute("preserveAspectRatio", "none");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

// The score of one machine over time, with its threshold.
export class ScorePlot {
  constructor(place, asset) {
    this.figure = make("figure", { "data-asset": asset });
    this.now = make("strong");
    this.model = make("span", { class: "none" });
    this.figure.append(make("figcaption", {}, make("span", {}, asset), this.now, this.model));
    this.box = make("div");
    this.figure.append(this.box);
    place.append(this.figure);
    this.plot = null;
    this.width = 0;
  }

  show({ model, time, score, threshold }) {
    const last = score.at(-1);
    const above = last !== null && threshold !== null && last > threshold;
    this.now.className = last === null ? "doubt" : above ? "bad" : "good";
    this.now.textContent = last === null ? "◐ no score" : above ? `▲ ${number(last)} above ${number(threshold)}` : `● ${number(last)}`;
    this.model.textContent = model || "no model";
    this.box.hidden = score.every((one) => one === null);
    if (this.box.hidden) return;
    const limit = time.map(() => threshold);
    const data = [time.map((ns) => ns / 1e9), score, limit];
    const width = Math.floor(this.box.clientWidth) || 320;
    if (this.plot && width === this.width) { this.plot.setData(data); return; }
    this.plot?.destroy();
    this.width = width;
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    this.plot = new uPlot({
      width, height: 150, legend: { show: false }, cursor: { show: false },
      axes: [axis, { ...axis, size: 56 }],
      scales: { y: { range: (_, low, high) => [0, Math.max(1.2, high * 1.1)] } },
      series: [{}, { stroke: color("--calm"), width: 2, points: { show: false } }, { stroke: color("--bad"), dash: [6, 5], width: 1.5, points: { show: false } }],
    }, data, this.box);
  }
}
