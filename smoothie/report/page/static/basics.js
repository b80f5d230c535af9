// Small helpers, the content of the page, and tables that can be sorted. Texts of the data become
// text nodes and never markup.
"use strict";
const content = JSON.parse(document.getElementById("content").textContent);
const $ = (id) => document.getElementById(id);

// An element with properties and children; what is not a node becomes text.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const minus = (text) => text.replace("-", "\u2212");
const fixed = (value, digits) => (Number.isFinite(value) ? minus(value.toFixed(digits)) : "");
const percent = (share) => (Number.isFinite(share) ? `${Math.round(100 * share)}%` : "");
const counted = (count) => count.toLocaleString("en-US");
const visible = (name) => (name.trim() ? name : "(unnamed)");

function fill(select, options, value) {
  for (const [key, label] of options) select.append(make("option", { value: key }, label));
  if (value !== undefined) select.value = value;
  return select;
}

// A click on a heading sorts, once down and once up; cells without a value stay last.
function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    if (heading.dataset.sort === "no") return;
    const button = make("button", { type: "button", className: "sort" }, ...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const numeric = heading.classList.contains("n");
      const before = heading.getAttribute("aria-sort");
      const down = before ? before === "ascending" : numeric;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortRows(table.tBodies[0], column, numeric, down);
    });
  });
}

function sortRows(body, column, numeric, down) {
  const valued = [...body.rows].map((row) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const number = text === "" ? NaN : Number(text);
    return { row, value: numeric ? number : text, none: numeric && Number.isNaN(number) };
  });
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  valued.sort((a, b) => {
    if (a.none || b.none) return Number(a.none) - Number(b.none);
    const order = numeric ? a.value - b.value : compare(a.value, b.value);
    return down ? -order : order;
  });
  body.append(...valued.map((entry) => entry.row));
}

document.querySelectorAll("table.sortable").forEach(makeSortable);

// Gzip in Base64, as a block of the page holds it.
async function unpack(id) {
  const text = atob($(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const unpackJson = async (id) => JSON.parse(new TextDecoder().decode(await unpack(id)));
const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches && !document.body.dataset.print;
