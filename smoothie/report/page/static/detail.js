// The open input: its text and references, and all answers side by side.
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

// As long as its share of the largest.
function bar(value, most, name) {
  const fill = make("span"), words = `${name} ${percent(value)}, of at most ${percent(most)} here`;
  fill.style.width = `${Math.round((100 * value) / (most || 1))}%`;
  return make("span", { className: "bar", role: "img", "aria-label": words, title: words }, fill);
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
