// The browser of inputs: a list of which only the rows in sight are there, and the open input.
const ROW = 62; // pixels
const state = { rows: [], at: 0, open: null, base: null, less: false, limits: new Map(), search: 0, found: null };
const choosing = content.methods.map((method, m) => ({ ...method, m })).filter((m) => m.kind !== "random");
const compared = choosing.filter((m) => m.kind !== "bound");
const method = () => Number($("method").value);

function setUpFilters() {
  fill($("method"), choosing.map((m) => [m.m, m.name]), content.methods.findIndex((m) => m.name === content.main));
  const scored = inputs.scores !== null;
  fill($("filter"), [
    ["all", "all inputs"],
    ...(compared.length > 1 ? [["disagree", "methods disagree"]] : []),
    ...(scored ? [["right", "routed right, most are wrong"], ["wrong", "routed wrong, most are right"]] : []),
  ]);
  fill($("to"), [["", "anybody"], ...content.candidates.map((name, j) => [j, name])]);
  fill($("task"), [["", "all"], ...content.tasks.map((task, t) => [t, visible(task)])]);
  $("task").parentElement.hidden = content.tasks.length < 2;
  fill($("order"), [
    ["source", "as in the source"],
    ...(inputs.support ? [["unsure", "lowest confidence first"], ["sure", "highest confidence first"]] : []),
    ...(scored ? [["gain", "most gained over random first"], ["loss", "most lost first"]] : []),
  ]);
  for (const id of ["method", "filter", "to", "task", "order"]) $(id).addEventListener("change", select);
  let wait;
  $("search").addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(search, 200);
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
}

const disagree = (i) => compared.some((m) => chosenBy(m.m, i) !== chosenBy(compared[0].m, i));

function keeps(filter, i) {
  if (filter === "disagree") return disagree(i);
  if (filter === "right") return standing(i, chosenBy(method(), i)) > 0;
  if (filter === "wrong") return standing(i, chosenBy(method(), i)) < 0;
  return true;
}

// The inputs that are shown, by the filters and the order.
function select() {
  const filter = $("filter").value, task = $("task").value, order = $("order").value, to = $("to").value;
  const rows = [];
  for (let i = 0; i < inputs.ids.length; i++) {
    if (task !== "" && inputs.tasks[i] !== Number(task)) continue;
    if (to !== "" && chosenBy(method(), i) !== Number(to)) continue;
    if (state.found && !state.found.has(i)) continue;
    if (keeps(filter, i)) rows.push(i);
  }
  if (order !== "source") {
    const sign = order === "sure" || order === "gain" ? -1 : 1;
    const value = order === "sure" || order === "unsure" ? confidence : gain;
    const keys = new Map(rows.map((i) => [i, sign * value(i, chosenBy(method(), i))]));
    const last = (key) => (Number.isNaN(key) ? Infinity : key);
    rows.sort((a, b) => last(keys.get(a)) - last(keys.get(b)) || a - b);
  }
  state.rows = rows;
  state.most = 0;
  for (let i = 0; inputs.support && i < inputs.ids.length; i++) state.most = Math.max(state.most, confidence(i, chosenBy(method(), i)));
  state.at = 0;
  $("space").style.height = `${rows.length * ROW}px`;
  const all = counted(inputs.ids.length);
  $("count").textContent = rows.length === inputs.ids.length ? `${all} inputs` : `${counted(rows.length)} of ${all} inputs`;
  $("list").scrollTop = 0;
  paint();
  if (state.open !== null && rows.length) openInput(rows[0]);
}

async function search() {
  const words = $("search").value.trim(), mine = ++state.search;
  if (words === "") state.found = null;
  else {
    const progress = (share) => { $("count").textContent = `Searching: ${percent(share)}`; };
    const found = await find(words, progress, () => mine !== state.search);
    if (found === null) return;
    state.found = found;
  }
  select();
}

// Only the rows in sight, and some around them, are in the document.
let painted = null;
function paint() {
  const list = $("list"), from = Math.max(0, Math.floor(list.scrollTop / ROW) - 6);
  const to = Math.min(state.rows.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 6);
  const rows = [];
  for (let place = from; place < to; place++) rows.push(row(place));
  if (!state.rows.length) rows.push(make("p", { className: "none" }, "No input is like this."));
  $("space").replaceChildren(...rows);
  const current = $(`row${state.at}`);
  if (current) list.setAttribute("aria-activedescendant", current.id);
  painted = null;
}

function row(place) {
  const i = state.rows[place], j = chosenBy(method(), i), score = ofText(inputs.scores, i, j);
  const current = place === state.at;
  const element = make("div", { id: `row${place}`, className: "row", role: "option", "aria-selected": String(current), "aria-posinset": place + 1, "aria-setsize": state.rows.length });
  element.style.top = `${place * ROW}px`;
  element.classList.toggle("current", current);
  element.append(
    make("div", { className: "line" },
      make("bdi", { className: "id" }, inputs.ids[i]),
      make("bdi", { className: "chip" }, content.candidates[j]),
      disagree(i) ? make("span", { className: "mark-disagree", title: "methods disagree" }, "≠") : null,
      Number.isNaN(score) ? null : make("span", { className: "score" }, fixed(score, content.digits)),
      inputs.support ? bar(confidence(i, j), state.most, "confidence") : null),
    make("div", { className: "begin", dir: "auto" }, inputs.begins[i] || "(empty)"));
  element.addEventListener("click", () => { state.at = place; openInput(i); });
  return element;
}

// As long as its share of the largest.
function bar(value, most, name) {
  const fill = make("span"), words = `${name} ${percent(value)}, of at most ${percent(most)} here`;
  fill.style.width = `${Math.round((100 * value) / (most || 1))}%`;
  return make("span", { className: "bar", role: "img", "aria-label": words, title: words }, fill);
}

async function openInput(i) {
  const changed = state.open !== i;
  state.open = i;
  if (changed) { state.base = null; state.limits.clear(); }
  const [texts, distances] = await Promise.all([textsOf(i), distancesOf(i)]);
  if (state.open !== i) return;
  const detail = $("detail");
  detail.hidden = false;
  document.body.classList.add("open");
  detail.replaceChildren(...describe(i, texts, distances));
  if (changed) detail.scrollTop = 0;
  showFound(detail);
  history.replaceState(null, "", `#input=${encodeURIComponent(inputs.ids[i])}`);
  paint();
}

// What was searched for is marked, without a change of the texts.
function showFound(place) {
  if (!CSS.highlights) return;
  const words = $("search").value.trim().toLowerCase(), ranges = [];
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (words && ranges.length < 1000 && walker.nextNode()) {
    const node = walker.currentNode, text = node.data.toLowerCase();
    if (text.length !== node.data.length || !node.parentElement.closest(".text")) continue;
    for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + words.length);
      ranges.push(range);
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}

function closeInput() {
  state.open = null;
  $("detail").hidden = true;
  document.body.classList.remove("open");
  history.replaceState(null, "", "#inputs");
  $("list").focus();
}

function move(step) {
  if (!state.rows.length) return;
  state.at = Math.max(0, Math.min(state.rows.length - 1, state.at + step));
  const list = $("list"), top = state.at * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  if (state.open !== null) openInput(state.rows[state.at]);
  else paint();
}

// What is shown of the open input.
function describe(i, [input, references, texts], distances) {
  const chosen = chosenBy(method(), i), base = state.base ?? chosen;
  const task = content.tasks[inputs.tasks[i]];
  const step = (label, sign, act) => {
    const button = make("button", { type: "button", "aria-label": label, title: label }, sign);
    button.addEventListener("click", act);
    return button;
  };
  const steps = make("div", { className: "steps" }, step("previous input (k)", "↑", () => move(-1)), step("next input (j)", "↓", () => move(1)), step("close (Esc)", "✕", closeInput));
  const title = make("div", { className: "title" }, make("h3", {}, make("bdi", {}, inputs.ids[i])),
    task ? make("bdi", { className: "kind" }, task) : null, steps);
  const parts = [title, make("div", { className: "text input", dir: "auto" }, ...shortened(input, "input", i))];
  if (references.length) {
    parts.push(make("div", { className: "references" }, make("span", { className: "kind" }, references.length > 1 ? "References" : "Reference"),
      ...references.slice(0, 8).map((text, r) => make("div", { className: "text", dir: "auto" }, ...shortened(text, `r${r}`, i)))));
  }
  const less = make("input", { type: "checkbox", checked: state.less, id: "less" });
  less.addEventListener("change", () => { state.less = less.checked; openInput(i); });
  parts.push(make("p", { className: "small compare" }, "Marked: words that are not in the text of ",
    make("bdi", { className: "strong" }, content.candidates[base]), base === chosen ? `, which ${content.methods[method()].name} chose. ` : ". ",
    make("label", {}, less, " show what is missing, too")));
  state.order = shownOrder(i, chosen);
  parts.push(make("div", { className: "answers" }, ...state.order.map((j) => answer(i, j, texts, distances, base, chosen))));
  return parts;
}

// The choice, then the others by their support.
function shownOrder(i, chosen) {
  const others = content.candidates.map((_, j) => j).filter((j) => j !== chosen);
  if (inputs.support) others.sort((a, b) => ofText(inputs.support, i, b) - ofText(inputs.support, i, a) || a - b);
  return [chosen, ...others];
}

function answer(i, j, texts, distances, base, chosen) {
  const score = ofText(inputs.scores, i, j), support = ofText(inputs.support, i, j);
  const mean = distances ? distances[j].reduce((a, b) => a + b, 0) / Math.max(1, K() - 1) : NaN;
  const facts = [
    Number.isNaN(score) ? null : fact("score", fixed(score, content.digits)),
    Number.isNaN(support) ? null : make("span", { className: "fact", title: "share of the support of all texts, as consensus counts it" }, "support ", bar(support, Math.max(...texts.map((_, other) => ofText(inputs.support, i, other))), "support"), ` ${percent(support)}`),
    Number.isNaN(mean) ? null : fact("distance to others", fixed(mean, 2), "mean squared distance of the embeddings"),
    distances && j !== base ? fact("to the compared", fixed(distances[j][base], 2)) : null,
  ];
  const who = choosing.filter((m) => chosenBy(m.m, i) === j).map((m) => {
    const chip = make("span", { className: "chip who" }, m.name);
    chip.style.borderColor = tone(m);
    return chip;
  });
  const button = make("button", { type: "button", className: "base", "aria-pressed": String(j === base), title: `compare the others with this text (${state.order.indexOf(j) + 1})` },
    j === base ? "compared with" : "compare");
  button.addEventListener("click", () => { state.base = j; openInput(i); });
  const body = make("div", { className: "text", dir: "auto" });
  if (!texts[j].trim()) body.append(make("span", { className: "none" }, "(empty)"));
  else if (j === base) body.append(...shortened(texts[j], `t${j}`, i));
  else body.append(...marked(texts[base], texts[j], `t${j}`, i));
  return make("section", { className: j === chosen ? "answer chosen" : "answer", "aria-label": content.candidates[j] },
    make("header", {}, make("bdi", { className: "strong" }, content.candidates[j]), button),
    make("div", { className: "facts" }, ...facts), who.length ? make("div", { className: "chosen-by" }, "chosen by ", ...who) : null, body);
}

const fact = (name, value, title = "") => make("span", { className: "fact", title }, `${name} `, make("b", {}, value));

// Of a long text the beginning is shown, and ten times more with each click: a browser takes seconds
// to lay out a million characters.
const LONG = 6000;
const limit = (key) => state.limits.get(key) ?? LONG;
function shortened(text, key, i) {
  if (!text.trim()) return [make("span", { className: "none" }, "(empty)")];
  if (text.length <= limit(key)) return [text];
  return [text.slice(0, limit(key)), more(text, key, i)];
}

function more(text, key, i) {
  const button = make("button", { type: "button", className: "more" }, `… ${counted(limit(key))} of ${counted(text.length)} characters: show more`);
  button.addEventListener("click", () => { state.limits.set(key, 10 * limit(key)); openInput(i); });
  return button;
}

function marked(base, text, key, i) {
  const most = limit(key), cut = text.length > most;
  const { parts, exact } = difference(base.slice(0, most + 2000), text.slice(0, most));
  const shown = parts.filter((part) => part.kind !== "less" || state.less).map((part) => {
    if (part.kind === "same") return part.text;
    return make(part.kind === "more" ? "ins" : "del", {}, part.text);
  });
  if (!exact) shown.unshift(make("span", { className: "none" }, "(long: words that are nowhere in the other text are marked) "));
  return cut ? [...shown, more(text, key, i)] : shown;
}

function onKey(event) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    if (typing && event.target.value && event.target.id === "search") { event.target.value = ""; search(); }
    else if (!typing && state.open !== null && !$("help").open) closeInput();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("help").open) {
    if (event.key === "Enter" && event.target.id === "search") $("list").focus();
    return;
  }
  const inList = $("list").contains(event.target) || $("detail").contains(event.target);
  const steps = { j: 1, k: -1, ...(inList && event.target.tagName !== "BUTTON" ? { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity } : {}) };
  if (event.key in steps) move(steps[event.key] === -Infinity ? -state.at : steps[event.key] === Infinity ? state.rows.length : steps[event.key]);
  else if (event.key === "Enter" && inList && event.target.tagName !== "BUTTON") openInput(state.rows[state.at]);
  else if (event.key === "/") $("search").focus();
  else if (event.key === "?") $("help").showModal();
  else if (event.key === "m" && state.open !== null) { state.less = !state.less; openInput(state.open); }
  else if (/^[1-9]$/.test(event.key) && state.open !== null && Number(event.key) <= K()) { state.base = state.order[Number(event.key) - 1]; openInput(state.open); }
  else return;
  if (event.key === "j" || event.key === "k") document.getElementById("inputs").scrollIntoView({ block: "nearest" });
  event.preventDefault();
}

// #input=ID opens it.
function follow() {
  const found = location.hash.match(/^#input=(.*)$/s);
  if (!found) return;
  const i = inputs.place.get(decodeURIComponent(found[1]));
  if (i === undefined) return;
  if (!state.rows.includes(i)) { $("filter").value = "all"; $("task").value = $("to").value = ""; state.found = null; $("search").value = ""; select(); }
  state.at = state.rows.indexOf(i);
  $("list").scrollTop = state.at * ROW - 2 * ROW;
  openInput(i);
  $("inputs").scrollIntoView();
}

async function start() {
  await openInputs();
  setUpFilters();
  select();
  $("list").addEventListener("scroll", () => { painted ??= requestAnimationFrame(paint); }, { passive: true });
  new ResizeObserver(paint).observe($("list"));
  $("help-button").addEventListener("click", () => $("help").showModal());
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", follow);
  follow();
  document.addEventListener("send", (event) => showSentInputs(event.detail));
  document.body.dataset.ready = "yes";
}

// The inputs of a cell of the table of who is sent where.
function showSentInputs({ name, task, candidate }) {
  $("method").value = content.methods.findIndex((m) => m.name === name);
  $("to").value = candidate;
  $("task").value = task === null ? "" : content.tasks.indexOf(task);
  $("filter").value = "all";
  select();
  $("inputs").scrollIntoView();
  $("list").focus({ preventScroll: true });
}

start().catch((error) => {
  const old = "DecompressionStream" in window ? "" : " by a browser of this age";
  $("count").textContent = `The inputs cannot be read${old}: ${error.message}`;
});
