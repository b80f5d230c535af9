// Charts of x and y, drawn by uPlot, with the names of lines and points written beside them.
const ink = () => getComputedStyle(document.body);

function drawChart(chart, place) {
  const flat = chart.lines.filter((line) => !line.x);
  const lines = chart.lines.filter((line) => line.x);
  const xs = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  const data = chart.points ? pointData(chart) : lineData(lines, flat, xs);
  const color = ink().getPropertyValue("--ink");
  const grid = ink().getPropertyValue("--line");
  const [low, high] = extent(chart);
  const pad = 0.08 * (high - low || 1);
  const axis = { stroke: color, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: FONT, labelFont: FONT };
  const all = chart.points ? data[0] : xs;
  const span = all[all.length - 1] - all[0] || 1;
  const options = {
    width: place.clientWidth,
    height: 280,
    padding: [12, chart.points ? 12 : 124, 0, 0],
    legend: { show: !chart.points },
    cursor: { show: !chart.points, drag: { x: false, y: false } },
    scales: {
      x: chart.log
        ? { time: false, distr: 3, range: [all[0] / 1.15, all[all.length - 1] * 1.15] }
        : { time: false, range: [all[0] - 0.08 * span, all[all.length - 1] + 0.08 * span] },
      y: { range: [low - pad, high + pad] },
    },
    axes: [
      { ...axis, label: chart.x, ...(chart.log ? ticksAt(all) : {}) },
      { ...axis, label: chart.y, size: 56 },
    ],
    series: [{ label: chart.x.split(",")[0] }, ...(chart.points ? [pointSeries(chart)] : lineSeries(lines, flat))],
    bands: chart.points ? [] : bandsOf(lines),
    hooks: { ready: [showLast], draw: [(plot) => (chart.points ? namePoints(plot, chart) : nameLines(plot, lines, flat))] },
  };
  const plot = new uPlot(options, data, place);
  plot.over.addEventListener("mouseleave", () => showLast(plot));
  return plot;
}

// The legend has the values at the pointer, and the last ones without it.
const showLast = (plot) => plot.setLegend({ idx: plot.data[0].length - 1 });
const FONT = "12px system-ui, sans-serif";
const ticksAt = (values) => ({ splits: () => values, values: () => values.map(counted), filter: (_, splits) => splits });

function extent(chart) {
  const values = chart.lines.flatMap((line) => [...line.y, ...(line.low ?? []), ...(line.high ?? [])]);
  const known = values.filter(Number.isFinite);
  return [Math.min(...known), Math.max(...known)];
}

const pointData = (chart) => [chart.lines[0].x, chart.lines[0].y];

// x, then y, low and high of each line, then the level ones.
function lineData(lines, flat, xs) {
  const columns = [xs];
  for (const line of lines) {
    const place = new Map(line.x.map((x, i) => [x, i]));
    for (const part of ["y", "low", "high"]) columns.push(xs.map((x) => (place.has(x) ? line[part]?.[place.get(x)] : null)));
  }
  for (const line of flat) columns.push(xs.map(() => line.y[0]));
  return columns;
}

function lineSeries(lines, flat) {
  const shown = (_, value) => (value === null || value === undefined ? "" : fixed(value, content.digits));
  const between = (first) => (plot, value, __, at) => {
    const [low, high] = [plot.data[first + 1][at], plot.data[first + 2][at]];
    const known = at !== null && Number.isFinite(low) && Number.isFinite(high);
    return shown(plot, value) + (known ? ` (${fixed(low, content.digits)} to ${fixed(high, content.digits)})` : "");
  };
  const series = [];
  for (const line of lines) {
    const seen = tone(line);
    series.push({ label: line.name, stroke: seen, width: 2, points: { show: true, size: 6, fill: seen }, spanGaps: true, value: between(series.length + 1) });
    const edge = { class: "edge", stroke: "transparent", width: 0, points: { show: false }, spanGaps: true };
    series.push({ ...edge, label: "low" }, { ...edge, label: "high" });
  }
  for (const line of flat) {
    series.push({ label: line.name, stroke: tone(line), width: 1.5, dash: [6, 4], points: { show: false }, value: shown });
  }
  return series;
}

const bandsOf = (lines) => lines.map((line, i) => ({ series: [3 * i + 3, 3 * i + 2], fill: `${tone(line)}26` }));
const pointSeries = (chart) => ({
  label: chart.y, stroke: tone(chart.lines[0]), paths: () => null,
  points: { show: true, size: 9, fill: tone(chart.lines[0]) },
});

// What is read on white may be too dark on black.
const tone = (line) => (isDark() ? line.dark : line.color);

// At the right end of each line, moved apart where they would meet.
function nameLines(plot, lines, flat) {
  const ratio = devicePixelRatio, gap = 15 * ratio;
  const ends = [...lines, ...flat].map((line) => {
    const y = line.y[line.y.length - 1];
    return { line, at: plot.valToPos(y, "y", true) };
  });
  ends.sort((a, b) => a.at - b.at);
  for (let i = 1; i < ends.length; i++) ends[i].at = Math.max(ends[i].at, ends[i - 1].at + gap);
  const bottom = plot.bbox.top + plot.bbox.height;
  for (let i = ends.length - 1, most = bottom; i >= 0; i--, most -= gap) ends[i].at = Math.min(ends[i].at, most);
  write(plot, (context) => {
    for (const { line, at } of ends) {
      context.fillStyle = isDark() ? line.dark : line.ink;
      context.fillText(line.name, plot.bbox.left + plot.bbox.width + 6 * ratio, at);
    }
  });
}

// Beside each point, on the side and height where the name covers nothing; else not at all.
function namePoints(plot, chart) {
  const ratio = devicePixelRatio, { x, y } = chart.lines[0];
  const taken = x.map((value, i) => {
    const cx = plot.valToPos(value, "x", true), cy = plot.valToPos(y[i], "y", true);
    return [cx - 5 * ratio, cy - 5 * ratio, cx + 5 * ratio, cy + 5 * ratio];
  });
  const points = taken.slice();
  write(plot, (context) => {
    context.fillStyle = ink().getPropertyValue("--ink");
    chart.points.forEach((name, i) => {
      const shown = name.length > 26 ? `${name.slice(0, 13)}…${name.slice(-12)}` : name;
      const width = context.measureText(shown).width, height = 12 * ratio;
      const [left, top, right, bottom] = points[i], middle = (top + bottom) / 2;
      for (const lift of [0, -10, 10, -18, 18]) {
        for (const start of [right + 2 * ratio, left - width - 2 * ratio]) {
          const cy = middle + lift * ratio, box = [start, cy - height / 2, start + width, cy + height / 2];
          const inside = start >= plot.bbox.left && start + width <= plot.bbox.left + plot.bbox.width;
          if (!inside || taken.some((o) => o[0] < box[2] && box[0] < o[2] && o[1] < box[3] && box[1] < o[3])) continue;
          context.fillText(shown, start, cy);
          taken.push(box);
          return;
        }
      }
    });
  });
}

function write(plot, draw) {
  const context = plot.ctx;
  context.save();
  context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  draw(context);
  context.restore();
}

// Charts are drawn again in the colors of the new scheme, at the new width, or for paper.
const drawn = [];
function drawCharts() {
  for (const plot of drawn.splice(0)) plot.destroy();
  for (const section of document.querySelectorAll(".charts")) {
    const own = (content.charts ?? []).filter((chart) => chart.section === section.dataset.section);
    section.replaceChildren();
    if (own.length) section.parentElement.hidden = false;
    for (const chart of own) {
      const place = make("figure", {}, make("figcaption", {}, chart.title));
      section.append(place);
      drawn.push(drawChart(chart, place));
    }
  }
}

let width = innerWidth;
drawCharts();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);
addEventListener("resize", () => {
  if (width !== innerWidth) drawCharts();
  width = innerWidth;
});
addEventListener("beforeprint", () => { document.body.dataset.print = "yes"; drawCharts(); });
addEventListener("afterprint", () => { delete document.body.dataset.print; drawCharts(); });
