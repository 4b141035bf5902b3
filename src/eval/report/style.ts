/** How the page looks: light, dark and printed, from a phone to a desktop. */

export const STYLE = `
:root { --paper: #fdfdfc; --ink: #1d1f21; --soft: #565c62; --line: #dcdfe1; --shade: #f3f4f4; --heat: #2f7fc2;
  --tone0: #5f656a; --tone1: #1f6fb2; --tone2: #b85c00; --tone3: #11805a; --tone4: #8a4fa3; --tone5: #b3355e;
  --tone6: #7a6a00; --tone7: #0f7f8c; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181a; --ink: #e6e7e8; --soft: #a7adb2;
  --line: #34383c; --shade: #1f2225; --heat: #4a90c8; --tone0: #a7adb3; --tone1: #6cb2ee; --tone2: #f0a355;
  --tone3: #56c79c; --tone4: #cd9ae0; --tone5: #f08aaa; --tone6: #d6c550; --tone7: #5cc8d4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p, dl { margin: .4rem 0 .8rem; max-width: 46rem; }
dt { font-weight: 600; margin-top: .5rem; }
dd { margin: 0 0 0 1rem; color: var(--soft); }
.scroll { overflow-x: auto; margin: .75rem 0 1.25rem; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; white-space: nowrap; border-bottom: 1px solid var(--line); }
td:not(.number) { white-space: normal; max-width: 24rem; }
td:first-child:not(.number):not(:has(+ .number)) { min-width: 7rem; }
small, th { color: var(--soft); font-weight: 500; }
small { font-size: .75rem; white-space: nowrap; }
td[style] { background: color-mix(in srgb, var(--heat) calc(.55 * var(--share)), transparent); }
.number { text-align: right; padding-left: .5rem; padding-right: .5rem; }
th button { all: unset; cursor: pointer; color: inherit; }
th button:focus-visible { outline: 2px solid var(--tone1); }
th[aria-sort] { color: var(--ink); }
th[aria-sort=descending]::after { content: " ↓"; }
th[aria-sort=ascending]::after { content: " ↑"; }
details { margin: .5rem 0 1rem; }
summary { cursor: pointer; color: var(--soft); }
pre { overflow-x: auto; padding: .75rem 1rem; background: var(--shade); border-radius: .5rem; font-size: .8125rem; white-space: pre-wrap; }
code { font-size: .8125rem; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; align-items: start; margin: 1rem 0; }
figure { margin: 0; padding: 1rem; background: var(--shade); border-radius: .5rem; max-width: 36rem; }
figcaption { color: var(--soft); font-size: .875rem; margin-top: .5rem; }
figure > svg { display: block; width: 100%; height: auto; color: var(--soft); font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; font-size: 12px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0 0 .5rem; padding: 0; font-size: .875rem; }
.legend svg { height: .75rem; margin-right: .4rem; vertical-align: -1px; }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --shade: #fff; --heat: #2f7fc2; --tone0: #5f656a; --tone1: #1f6fb2; --tone2: #b85c00; --tone3: #11805a; --tone4: #8a4fa3; --tone5: #b3355e; --tone6: #7a6a00; --tone7: #0f7f8c; }
  @page { margin: 1.6cm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { white-space: normal; padding-right: .35rem; }
  small { font-size: 6.5pt; }
  td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  figure, tr { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  figure { padding: 0; }
  .figures { grid-template-columns: 1fr 1fr; }
}
`;
