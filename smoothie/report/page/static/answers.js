// Inputs and their texts, unpacked from the blocks of the page when they are needed.
const K = () => content.candidates.length;
const inputs = { ids: [], tasks: [], begins: [], choices: null, support: null, scores: null, distances: null };
const loaded = new Map(); // number of a block -> promise of its texts
const KEPT = 40; // blocks that stay unpacked

// Until the parser, which is still on its way through the file, has read all of a block.
async function arrived(id) {
  while (!$(id)?.nextElementSibling && document.readyState === "loading") await new Promise((done) => setTimeout(done, 5));
  if (!$(id)) throw new Error("the file is incomplete");
}

async function unpackArray(id, kind) {
  return $(id) ? new kind(await unpack(id)) : null;
}

async function openInputs() {
  await arrived("index");
  Object.assign(inputs, await unpackJson("index"));
  await arrived("texts0"); // it stands behind the arrays
  inputs.choices = await unpackArray("choices", Uint16Array);
  inputs.support = await unpackArray("support", Float32Array);
  inputs.scores = await unpackArray("scores", Float32Array);
  inputs.place = new Map(inputs.ids.map((id, i) => [id, i]));
}

const chosenBy = (method, i) => inputs.choices[method * inputs.ids.length + i];
const ofText = (values, i, j) => (values ? values[i * K() + j] : NaN);

// How much better the others support a text than an average one: smoothie.diagnosis.confidence_of.
const confidence = (i, j) => Math.max(0, Math.min(1, (K() * ofText(inputs.support, i, j) - 1) / (K() - 1)));

// Where the choice is among the best and most texts are worse (1), or most are better (-1); else 0.
function standing(i, j) {
  const sign = content.lower_is_better ? -1 : 1, own = sign * ofText(inputs.scores, i, j);
  let worse = 0, better = 0, known = 0;
  for (let other = 0; other < K(); other++) {
    const score = sign * ofText(inputs.scores, i, other);
    if (Number.isNaN(score)) continue;
    known++;
    worse += score < own;
    better += score > own;
  }
  if (Number.isNaN(own)) return 0;
  if (better === 0 && 2 * worse > known) return 1;
  return 2 * better > known ? -1 : 0;
}

// The score of the choice above the mean of all candidates.
function gain(i, j) {
  let sum = 0;
  for (let other = 0; other < K(); other++) sum += ofText(inputs.scores, i, other);
  return (content.lower_is_better ? -1 : 1) * (ofText(inputs.scores, i, j) - sum / K());
}

function blockOf(i) {
  let low = 0, high = inputs.ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (inputs.ends[middle] > i) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function block(number) {
  await arrived(`texts${number}`);
  if (!loaded.has(number)) {
    if (loaded.size >= KEPT) loaded.delete(loaded.keys().next().value);
    loaded.set(number, unpackJson(`texts${number}`));
  }
  return loaded.get(number);
}

// [input, references, texts] of an input.
async function textsOf(i) {
  const number = blockOf(i);
  return (await block(number))[i - (number ? inputs.ends[number - 1] : 0)];
}

async function distancesOf(i) {
  if (inputs.largest === null) return null;
  inputs.distances ??= new Uint16Array(await unpack("distances"));
  const pairs = (K() * (K() - 1)) / 2, matrix = content.candidates.map(() => new Array(K()).fill(0));
  let at = i * pairs;
  for (let a = 0; a < K(); a++) {
    for (let b = a + 1; b < K(); b++) matrix[a][b] = matrix[b][a] = (inputs.distances[at++] / 65535) * inputs.largest;
  }
  return matrix;
}

// Inputs in whose id or texts the words occur; reports how far it is, ends early where asked to.
async function find(words, progress, stale) {
  const wanted = words.toLowerCase(), found = new Set();
  for (let number = 0; number < inputs.ends.length; number++) {
    const start = number ? inputs.ends[number - 1] : 0;
    (await block(number)).forEach(([input, references, texts], offset) => {
      const i = start + offset;
      const all = [inputs.ids[i], input, ...references, ...texts];
      if (all.some((text) => text.toLowerCase().includes(wanted))) found.add(i);
    });
    if (stale()) return null;
    progress((number + 1) / inputs.ends.length);
    if (number % 8 === 7) await new Promise((done) => setTimeout(done));
  }
  return found;
}
