// Tables whose cells are shaded by what they hold: who is sent where, who agrees with whom.
// Names of many columns stand upright, and percent signs are left to the words around.
const MANY = 8;
function matrix(caption, corner, columns, rows, shown = percent) {
  const many = columns.length > MANY;
  const digits = many ? (value) => shown(value).replace("%", "") : shown;
  const head = make("tr", {}, make("th", { scope: "col" }, corner));
  for (const name of columns) head.append(make("th", { scope: "col", className: "tilt" }, make("bdi", { title: name }, visible(name))));
  const body = make("tbody");
  for (const { name, note, values, shades, act } of rows) {
    const label = make("th", { scope: "row" }, make("bdi", {}, visible(name)), note ? make("span", { className: "kind" }, ` ${note}`) : null);
    const row = make("tr", {}, label);
    values.forEach((value, j) => {
      const words = value === null ? "" : digits(value);
      const cell = make("td", { className: "shade" }, act && value ? pressed(words, () => act(j)) : words);
      const shade = Math.max(0, Math.min(1, (shades ?? values)[j] ?? 0));
      cell.style.setProperty("--shade", shade.toFixed(2));
      row.append(cell);
    });
    body.append(row);
  }
  return make("table", { className: many ? "matrix many" : "matrix" }, make("caption", { className: "hidden" }, caption), make("thead", {}, head), body);
}

function pressed(words, act) {
  const button = make("button", { type: "button", title: "show these inputs" }, words);
  button.addEventListener("click", act);
  return button;
}

function showSent() {
  const { methods, tasks, sizes, counts, totals } = content.sent;
  const view = $("sent-view"), place = $("sent-table");
  const several = tasks.length > 1;
  const group = (label, options) => make("optgroup", { label }, ...options.map(([value, text]) => make("option", { value }, text)));
  view.append(group("each method, on", [["t", "all inputs"], ...(several ? tasks.map((task, i) => [`t${i}`, visible(task)]) : [])]));
  if (several) view.append(group("each task, by", methods.map((name, i) => [`m${i}`, name])));
  const share = (row) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((count) => (sum ? count / sum : 0));
  };
  const show = () => {
    const kind = view.value[0], number = view.value.slice(1);
    const send = (name, task) => (candidate) => document.dispatchEvent(new CustomEvent("send", { detail: { name, task, candidate } }));
    const rows = kind === "t"
      ? methods.map((name, i) => ({ name, values: share(number === "" ? totals[i] : counts[i][number]), act: send(name, number === "" ? null : tasks[number]) }))
      : tasks.map((name, i) => ({ name, note: counted(sizes[i]), values: share(counts[number][i]), act: send(methods[number], name) }));
    const what = kind === "t" ? "Method" : "Task";
    place.replaceChildren(matrix("Share of the inputs that go to each candidate", what, content.candidates, rows));
  };
  view.addEventListener("change", show);
  show();
}

function showAgreement() {
  const { order, same, distances, merges, methods, choices } = content.agreement;
  const names = order.map((j) => content.candidates[j]);
  const arranged = (values) => order.map((i) => order.map((j) => values[i][j]));
  const view = fill($("agreement-view"), [["same", "inputs on which two say the same"], ...(distances ? [["distances", "mean squared distance"]] : [])]);
  const show = () => {
    const far = view.value === "distances", values = arranged(far ? distances : same);
    const others = values.flatMap((row, i) => row.filter((_, j) => j !== i));
    const largest = Math.max(...others, far ? 0 : 0.3) || 1, smallest = Math.min(...others);
    const near = (value) => (far ? (largest - value) / (largest - smallest || 1) : value / largest);
    const rows = names.map((name, i) => ({
      name, values: values[i].map((value, j) => (i === j ? null : value)), shades: values[i].map((value, j) => (i === j ? 0 : near(value))),
    }));
    const table = matrix("Agreement of candidates", "Candidate", names, rows, far ? (value) => fixed(value, 2) : percent);
    $("agreement-candidates").replaceChildren(table, tree(order, merges));
  };
  view.addEventListener("change", show);
  const off = order.flatMap((i) => order.filter((j) => j !== i).map((j) => same[i][j]));
  if (distances && Math.max(...off) < 0.2) view.value = "distances"; // hardly any two say the same
  show();
  if ($("agreement-methods")) {
    const rows = methods.map((name, i) => ({ name, values: choices[i] }));
    $("agreement-methods").replaceChildren(matrix("Agreement of methods", "Method", methods, rows));
  }
}

// The groups that were joined, as high as their rows of the table.
function tree(order, merges) {
  const step = 30, size = 110, place = new Map(order.map((j, i) => [String([j]), [(i + 0.5) * step, 0]]));
  const heights = merges.map((merge) => merge[2]), first = Math.min(...heights), span = Math.max(...heights) - first || 1;
  const lines = merges.map(([left, right, height]) => {
    const [y1, x1] = place.get(String(left)), [y2, x2] = place.get(String(right));
    const x = 16 + (size - 20) * ((height - first) / span);
    place.set(String([...left, ...right]), [(y1 + y2) / 2, x]);
    return svg("path", { d: `M${x1} ${y1}H${x}V${y2}H${x2}`, class: "branch" });
  });
  return svg("svg", { class: "tree", width: size, height: order.length * step, role: "img", "aria-label": "Clusters of candidates" }, ...lines);
}

if (content.sent) showSent();
if (content.agreement) showAgreement();
