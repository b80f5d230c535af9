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
  const inList = $("list").contains(event.target); // elsewhere, arrows scroll
  const steps = { j: 1, k: -1, ...(inList ? { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity } : {}) };
  if (event.key in steps) move(steps[event.key] === -Infinity ? -state.at : steps[event.key] === Infinity ? state.rows.length : steps[event.key]);
  else if (event.key === "Enter" && inList) openInput(state.rows[state.at]);
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
