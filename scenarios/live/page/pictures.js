// The two pictures as SVG. Texts become text nodes, never markup; colours come from the style sheet.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 14, top: 12, bottom: 38 };
const MOST_STATUSES = 6;
const FEW_REQUESTS = 20;
// Statuses are told apart by more than their colour; the first one is plain.
const TEXTURES = ["", "M0 6L6 0", "M0 0L6 6", "M0 3H6", "M3 0V6", "M0 3H6M3 0V6"];

export function node(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

export function count(number) {
  return number.toLocaleString("en");
}

export function moment(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

// Error rate per level with its interval, the windows as faint dots, the fitted line and the target.
export function drawByLoad(place, look) {
  const frame = canvas(place, MARGIN.right);
  const known = look.levels.flatMap((level) => [level.high ?? level.rate]);
  const important = Math.max(0.01, look.limit ?? 0, ...known);
  const highest = Math.max(0, ...look.dots.map((dot) => dot[1]));
  const top = Math.min(1.02, 1.12 * Math.max(important, Math.min(highest, 2.5 * important)));
  const loads = [...look.levels.map((level) => level.load), ...look.dots.map((dot) => dot[0])];
  const [low, high] = loads.length ? [Math.min(...loads), Math.max(...loads)] : [0, 1];
  const edge = (high - low || 1) * 0.06;
  const x = scale(low - edge, high + edge, frame.left, frame.right);
  const y = scale(0, top, frame.bottom, frame.top);
  rulesAcross(frame, y, ticks(top, 4), percent);
  levelTicks(frame, x, look.levels.map((level) => level.load));
  caption(frame, look.axis);
  for (const [load, rate] of look.dots) {
    frame.add("circle", { class: "dot", cx: x(load), cy: y(Math.min(rate, top)), r: 3.5 });
  }
  if (look.fitted.length > 1) {
    const line = look.fitted.map(([load, rate]) => `${x(load)},${y(Math.min(rate, top))}`);
    const lower = look.fitted.map(([load, , least]) => `${x(load)},${y(Math.max(0, least))}`);
    const upper = look.fitted.map(([load, , , most]) => `${x(load)},${y(Math.min(most, top))}`);
    frame.add("polygon", { class: "band", points: [...upper, ...lower.reverse()].join(" ") });
    frame.add("polyline", { class: "line", points: line.join(" ") });
  }
  if (look.limit !== null) {
    frame.add("line", { class: "limit", x1: frame.left, x2: frame.right, y1: y(look.limit), y2: y(look.limit) });
  }
  for (const level of look.levels) {
    const [at, from, to] = [x(level.load), y(level.low ?? level.rate), y(Math.min(level.high ?? level.rate, top))];
    // A level that was only passed through: its interval says nothing, and would say it loudest.
    const group = frame.add("g", level.requests < FEW_REQUESTS ? { class: "few" } : {});
    const shape = `M${at} ${from}V${to}M${at - 4} ${from}h8M${at - 4} ${to}h8`;
    const point = node("circle", { class: "point", cx: at, cy: y(level.rate), r: 5 });
    group.append(node("path", { class: "bar", d: shape }), point);
    point.append(node("title", {}, `${level.name}: ${level.text}, ${count(level.errors)} of ${count(level.requests)} requests`));
  }
  frame.name(`Error rate against load. ${look.levels.map((level) => `${level.name}: ${level.text}`).join("; ")}`);
  const marks = [["point", "load level, 95 % interval"], ["dot", "time window"]];
  if (look.fitted.length > 1) marks.push(["line", "fitted, 95 % band"]);
  if (look.limit !== null) marks.push(["limit", `target: under ${percent(look.limit)}`]);
  return marks;
}

// Errors per column stacked by status, the load as an area behind, freezes hatched, bursts shaded.
export function drawByTime(place, look, plannedS) {
  const frame = canvas(place, 40);
  const { start_s: start, width_s: width, load, statuses } = look.time;
  const columns = load.length;
  const end = Math.max(1, start + columns * width, look.final ? 0 : plannedS ?? 0);
  const sums = load.map((_, i) => statuses.reduce((sum, status) => sum + status.counts[i], 0));
  const most = Math.max(1, ...sums);
  const users = Math.max(1, ...load.map((value) => value ?? 0));
  const x = scale(0, end, frame.left, frame.right);
  const y = scale(0, most * 1.08, frame.bottom, frame.top);
  const behind = scale(0, users * 1.08, frame.bottom, frame.top);
  const area = load.map((value, i) => `H${x(start + i * width)}V${behind(value ?? 0)}H${x(start + (i + 1) * width)}`);
  if (columns) frame.add("path", { class: "users", d: `M${x(start)} ${frame.bottom}${area.join("")}V${frame.bottom}Z` });
  for (const [from, to] of look.bursts) {
    const shape = { class: "burst", x: x(from), y: frame.top, width: Math.max(2, x(to) - x(from)), height: 5 };
    frame.add("rect", shape);
  }
  rulesAcross(frame, y, ticks(most, 4).filter(Number.isInteger), String);
  for (const value of ticks(users, 3).filter(Number.isInteger)) {
    frame.add("text", { x: frame.right + 6, y: behind(value) + 4 }, String(value));
  }
  timeTicks(frame, x, end);
  caption(frame, "time since the first request (min:s)");
  const textures = TEXTURES.map((path, i) => [`texture-${i}`, "texture", path]);
  patterns(frame, [...textures, ["hatch", "hatch", "M0 6L6 0"]]);
  const bottoms = load.map(() => 0);
  statuses.forEach((status, number) => {
    const group = frame.add("g", { class: kindOf(number) });
    group.append(node("title", {}, `${status.name}: ${count(status.total)}`));
    status.counts.forEach((errors, i) => {
      if (!errors) return;
      const [left, right] = [x(start + i * width), x(start + (i + 1) * width)];
      const height = y(bottoms[i]) - y(bottoms[i] + errors);
      const shape = { x: left, y: y(bottoms[i] + errors), width: Math.max(0.8, right - left - 0.6), height };
      group.append(node("rect", shape), ...textured(kindOf(number), shape));
      bottoms[i] += errors;
    });
  });
  for (const freeze of look.freezes) {
    const [from, to] = [x(freeze.start_s), x(freeze.start_s + freeze.duration_s)];
    const shape = { class: "freeze", x: from, y: frame.top, width: Math.max(2, to - from), height: frame.bottom - frame.top };
    frame.add("rect", shape).append(node("title", {}, freeze.text));
  }
  frame.name(`Errors over time. ${statuses.map((status) => `${status.name}: ${status.total}`).join("; ") || "none"}`);
  const marks = statuses.map((status, i) => [kindOf(i), `${status.name} (${count(status.total)})`]);
  marks.push(["users", look.axis]);
  if (look.bursts.length) marks.push(["burst", "burst"]);
  if (look.freezes.length) marks.push(["freeze", "freeze"]);
  return marks;
}

// What a mark of the pictures looks like, for the legend.
export function sample(kind) {
  const made = node("svg", { width: 18, height: 12, "aria-hidden": "true" });
  if (kind === "line" || kind === "limit") made.append(node("line", { class: kind, x1: 0, x2: 18, y1: 6, y2: 6 }));
  else if (kind === "point" || kind === "dot") made.append(node("circle", { class: kind, cx: 9, cy: 6, r: 4.5 }));
  else {
    const shape = { x: 3, y: 0.5, width: 12, height: 11 };
    made.append(node("rect", { class: kind, ...shape }), ...textured(kind, shape));
  }
  return made;
}

function kindOf(status) {
  return `s${Math.min(status, MOST_STATUSES - 1)}`;
}

// The texture of a status over a shape; nothing for the first one and for what is no status.
function textured(kind, shape) {
  const number = Number(/^s([1-9])$/.exec(kind)?.[1] ?? 0);
  return number ? [node("rect", { fill: `url(#texture-${number})`, ...shape })] : [];
}

function patterns(frame, known) {
  const place = frame.add("defs");
  for (const [id, kind, path] of known) {
    const made = node("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" });
    made.append(node("path", { class: kind, d: path }));
    place.append(made);
  }
}

function canvas(place, right) {
  const [width, height] = [Math.max(200, place.clientWidth), Math.max(120, place.clientHeight)];
  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  place.replaceChildren(svg);
  const add = (name, attributes, text) => svg.appendChild(node(name, attributes, text));
  return {
    left: MARGIN.left, right: width - right, top: MARGIN.top, bottom: height - MARGIN.bottom, add,
    name: (text) => svg.setAttribute("aria-label", text),
  };
}

function scale(from, to, begin, end) {
  return (value) => Math.round((begin + ((value - from) / (to - from || 1)) * (end - begin)) * 10) / 10;
}

function ticks(top, about) {
  const rough = top / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

function rulesAcross(frame, y, values, written) {
  for (const value of values) {
    frame.add("line", { class: value ? "grid" : "axis", x1: frame.left, x2: frame.right, y1: y(value), y2: y(value) });
    frame.add("text", { x: frame.left - 8, y: y(value) + 4, "text-anchor": "end" }, written(value));
  }
}

function levelTicks(frame, x, loads) {
  let last = -Infinity;
  for (const load of [...new Set(loads)].sort((a, b) => a - b)) {
    if (x(load) - last < 30) continue;
    last = x(load);
    frame.add("text", { x: last, y: frame.bottom + 17, "text-anchor": "middle" }, String(Math.round(load * 10) / 10));
  }
}

function timeTicks(frame, x, end) {
  const most = Math.max(2, Math.floor((frame.right - frame.left) / 60));
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400].find((s) => end / s <= most) ?? end / 4;
  for (let second = 0; second <= end; second += step) {
    frame.add("text", { x: x(second), y: frame.bottom + 17, "text-anchor": "middle" }, moment(second));
  }
}

function caption(frame, text) {
  frame.add("text", { x: (frame.left + frame.right) / 2, y: frame.bottom + 33, "text-anchor": "middle" }, text);
}

function percent(ratio) {
  return `${Number((ratio * 100).toPrecision(3))} %`;
}
