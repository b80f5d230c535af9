// Who closes how much of the gap, on which problem.
const { problems, columns, values } = content.gaps;
const gapRows = problems.map((name, i) => ({ name, values: values[i].map((gap) => (gap === null ? null : gap / 100)) }));
$("gaps-table").append(matrix("Gap closed by each method on each problem", "Problem", columns, gapRows, (share) => minus(percent(share))));

// Rows that hold all the words.
function showRows() {
  const words = $("rows-with").value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...document.querySelectorAll("table.sweep tbody tr")];
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  $("rows-count").textContent = `${counted(shown)} of ${counted(rows.length)} rows`;
}

$("rows-with").addEventListener("input", showRows);
showRows();
document.body.dataset.ready = "yes";
