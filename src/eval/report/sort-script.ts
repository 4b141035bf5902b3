/** The page's only script: a click on a column's head sorts its table, a second one the other way. */

export const SORT_SCRIPT = `
for (const table of document.querySelectorAll('table.sortable')) {
  const body = table.tBodies[0];
  table.tHead.addEventListener('click', (event) => {
    const head = event.target.closest('th');
    if (head === null) return;
    const at = head.cellIndex;
    const down = head.getAttribute('aria-sort') === 'descending' ? 1 : -1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', down === -1 ? 'descending' : 'ascending');
    const valueOf = (row) => {
      const text = row.cells[at].firstChild?.textContent ?? '';
      const number = Number(text.replace('\\u2212', '-').replaceAll(',', ''));
      return text === '' || Number.isNaN(number) ? text : number;
    };
    const compare = (a, b) =>
      typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
    const rows = [...body.rows].sort((a, b) => down * compare(valueOf(a), valueOf(b)));
    body.append(...rows);
  });
}
`;
