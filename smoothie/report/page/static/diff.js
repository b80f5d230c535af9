// Which words of a text are not in another: the longest common subsequence of words, after Myers'
// idea that what is equal at both ends need not be looked at.
const WORDS = /\s+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}_]+|[^]/gu;
const MOST_CELLS = 4e6; // of the table of a comparison; beyond it, words are only looked up

// Parts of a text: {text, kind}, where kind is "same", "more" or "less" (of the other text).
function difference(base, text) {
  const a = base.match(WORDS) ?? [], b = text.match(WORDS) ?? [];
  let start = 0, end = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const first = a.slice(start, a.length - end), second = b.slice(start, b.length - end);
  const exact = first.length * second.length <= MOST_CELLS;
  const parts = [["same", b.slice(0, start)], ...(exact ? aligned(first, second) : looked(first, second)), ["same", b.slice(b.length - end)]];
  return { parts: joined(parts), exact };
}

function aligned(a, b) {
  const width = b.length + 1, table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] = a[i] === b[j]
        ? table[(i + 1) * width + j + 1] + 1
        : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  const parts = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { parts.push(["same", [b[j++]]]); i++; }
    else if (i < a.length && (j === b.length || table[(i + 1) * width + j] >= table[i * width + j + 1])) parts.push(["less", [a[i++]]]);
    else parts.push(["more", [b[j++]]]);
  }
  return parts;
}

function looked(a, b) {
  const there = new Set(a);
  return b.map((word) => [there.has(word) ? "same" : "more", [word]]);
}

// White space alone is no difference that anybody wants to see.
function joined(parts) {
  const result = [];
  for (const [kind, words] of parts) {
    if (!words.length) continue;
    const text = words.join(""), last = result[result.length - 1];
    const blank = kind !== "less" && !text.trim() && last && last.kind !== "less";
    if (last && (last.kind === kind || blank)) last.text += text;
    else result.push({ kind, text });
  }
  return result;
}
